"""Ending the run of an agent: its branch is shown, its row is closed, and what was said is told to those who remember."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from db.connection import Connection
from db.epics import Row
from db.episodes import enqueue_episode
from db.fence import add_events
from db.leases import Lease
from db.runs import end_run
from engine.assembling import Installation
from engine.breaker import telling
from engine.running import Running
from engine.runs.agent_work import project_of, source_of
from engine.runs.ground import publish
from epics.agent_errors import QueueFull
from epics.knowledge import Episode, Group
from epics.runs import RunStatus
from nodes.context import Attempted

_TITLE: Final = 120
_ASKED: Final = 4_000
_ANSWERED: Final = 12_000


async def end_agent_run(
    installation: Installation, lease: Lease, facts: Row, order: Row, running: Running | None, attempted: Attempted
) -> None:
    """End a run whose attempt has ended, once; an episode of it goes into the queue in the same transaction."""
    unpublished = await publish(running, attempted) if running is not None else ""
    done = attempted.ended_by == "done"

    async def learned(connection: Connection, run_id: str) -> None:
        await telling(installation.dispatch.breaking, attempted.ended_by, attempted.error)(connection, run_id)
        if done and installation.knowledge.name != "off":
            await _tell(connection, run_id, episode_of(run_id, facts, order, attempted))

    await end_run(
        installation.database.pool,
        lease,
        {
            "status": RunStatus.DONE if done else RunStatus.FAILED,
            "problem": "" if done else attempted.error or f"its attempt ended by {attempted.ended_by}",
            "commit": attempted.commit or None,
            "branch": attempted.branch,
            "unpublished": unpublished,
        },
        event={
            "ended_by": attempted.ended_by,
            "summary": words_of(attempted)[:200],
            "branch": attempted.branch,
            "files": len(attempted.files),
            "unpublished": unpublished[:500],
        },
        within=learned,
    )


def episode_of(run_id: str, facts: Row, order: Row, attempted: Attempted) -> Episode:
    """What is worth knowing of a run later: what was asked, and what was answered."""
    asked = " ".join(order["task"].split())
    return Episode(
        key=f"{run_id}:run",
        project=project_of(facts),
        group=Group.CONTEXT,
        title=f"{order['workflow']}: {asked[:_TITLE]}",
        body=f"Asked of {order['workflow']}: {order['task'][:_ASKED]}\n\nAnswered: {words_of(attempted)[:_ANSWERED]}",
        happened_at=datetime.now(UTC),
        source=source_of(run_id, facts),
    )


def words_of(attempted: Attempted) -> str:
    """What an agent answered, in a few words where its answer has such."""
    said: dict[str, Any] = attempted.output or {}
    for name in ("text", "title", "summary"):
        if said.get(name):
            return str(said[name])
    return "; ".join(f"{name}: {value}" for name, value in said.items())


async def _tell(connection: Connection, run_id: str, episode: Episode) -> None:
    try:
        if await enqueue_episode(connection, episode):
            data = {"key": episode.key, "project": episode.project, "group": episode.group}
            await add_events(connection, run_id, [{"type": "episode_queued", "data": data}])
    except QueueFull as error:
        await add_events(connection, run_id, [{"type": "knowledge_unavailable", "data": {"problem": str(error)[:500]}}])
