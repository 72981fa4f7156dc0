"""The rows of epics that another release of Genie wrote."""

from __future__ import annotations

from collections.abc import Mapping

from db.connection import Connection, Pool
from db.failures import foreseen
from db.fence import add_events, fenced
from db.leases import Lease
from db.queries import QUERIES


async def flag_epic(pool: Pool, epic_id: str, problem: str) -> bool:
    """Pause an epic that nobody holds, with the cause; False if it is so already, or somebody works on it."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            return await _flag(connection, epic_id, problem, held=False)


async def flag_held_epic(pool: Pool, lease: Lease, problem: str) -> None:
    """Pause an epic that we hold, with the cause."""
    async with fenced(pool, lease) as connection:
        await _flag(connection, lease.thread_id, problem, held=True)


async def raise_versions(pool: Pool, lease: Lease, before: Mapping[str, int], now: Mapping[str, int]) -> None:
    """Mark an epic as carried on by this release, with its event."""
    async with fenced(pool, lease) as connection:
        await connection.execute(QUERIES["raise_versions"], {"epic": lease.thread_id, **now})
        await add_events(connection, lease.thread_id, [{"type": "epic_upgraded", "data": {"from": dict(before), "to": dict(now)}}])


async def cancel_strange(pool: Pool, lease: Lease, note: str) -> None:
    """End an epic whose state this release cannot read: by its row alone, with its event; no checkpoint is written."""
    async with fenced(pool, lease) as connection:
        if await (await connection.execute(QUERIES["cancel_strange"], {"epic": lease.thread_id})).fetchone() is None:
            return
        await connection.execute(QUERIES["supersede_approvals"], {"epic": lease.thread_id})
        ended = {"type": "epic_ended", "data": {"status": "cancelled", "why": note}}
        await add_events(connection, lease.thread_id, [ended])


async def _flag(connection: Connection, epic_id: str, problem: str, *, held: bool) -> bool:
    values = {"epic": epic_id, "problem": problem, "held": held}
    if await (await connection.execute(QUERIES["flag_epic"], values)).fetchone() is None:
        return False
    await add_events(connection, epic_id, [{"type": "epic_paused", "data": {"problem": problem}}])
    return True
