"""Bringing into this host's mirror what other hosts added to an epic: from the repository, and from the packs in the database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from graphlib import TopologicalSorter

from db.connection import Pool
from db.epics import Row
from db.packs import pack_data, packs_behind
from epics.errors import RepositoryUnusable
from timemachine.mirrors import Mirror
from timemachine.packs import missing_commits, take_in


async def bring(pool: Pool, mirror: Mirror, epic_id: str, commits: Sequence[str]) -> None:
    """Take in what the mirror lacks of these commits of an epic; nothing is done where it lacks none.

    Raises:
        RepositoryUnusable: if a commit is in no pack, and the repository does not have it any more.
    """
    if not await missing_commits(mirror, commits):
        return
    stored = await packs_behind(pool, epic_id, commits)
    missing = frozenset(await missing_commits(mirror, (*commits, *stored)))
    order = TopologicalSorter({commit: stored[commit].needs if commit in stored else () for commit in (*commits, *stored)})
    for commit in order.static_order():
        if commit not in missing:
            continue
        data = await pack_data(pool, epic_id, commit)
        if data is not None:
            await take_in(mirror, commit, data)
        elif not await mirror.fetch_commit(commit):
            message = (
                f"commit {commit[:12]}, on which epic {epic_id} builds, is on no branch of {mirror.location} any more: "
                "push a branch that holds it, or resume the epic where its work began"
            )
            raise RepositoryUnusable(message)


async def bring_to_read(pool: Pool, mirror: Mirror, row: Row, commits: Sequence[str]) -> None:
    """Take in what reading these commits needs, on a host that need not be the one that works on the epic.

    Args:
        pool: connections to the database.
        mirror: the mirror of the epic's repository.
        row: the epic's facts.
        commits: what is to be read.

    Raises:
        RepositoryUnusable: if a commit cannot be had.
    """
    if await missing_commits(mirror, commits):
        # A repository that does not answer is no trouble where the packs are enough.
        with suppress(RepositoryUnusable):
            await mirror.fetch_base(row["base"])
        await bring(pool, mirror, row["id"], commits)
