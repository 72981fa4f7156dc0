"""Deriving anew what all epics and runs have taught, for a store of knowledge that is rebuilt."""

from __future__ import annotations

from db.learning import epics_to_learn, mark_to_learn, queue_episodes
from engine.assembling import Installation
from engine.learning.deriving import episodes_of
from epics.agent_errors import QueueFull


async def derive_all(installation: Installation, project: str | None = None) -> int:
    """Queue the episodes of all epics and runs that are not known yet, the oldest epic's first; say how many were new.

    Where the queue of a project is full, its epics are marked, and looked at again by whoever takes marks.

    Args:
        installation: where they are.
        project: the repository whose epics are looked at; None for all.

    Raises:
        StoreUnavailable: if the database does not answer; what was queued before stays.
    """
    pool, new = installation.database.pool, 0
    for epic in await epics_to_learn(pool, project):
        try:
            new += await queue_episodes(pool, await episodes_of(pool, epic))
        except QueueFull:
            await mark_to_learn(pool, epic)
    return new
