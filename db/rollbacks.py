"""Rollbacks that were asked of an epic which somebody holds: left for its worker, done or refused by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from db.connection import Pool
from db.epics import Row, fetch_one
from db.failures import foreseen
from db.fence import add_events, fenced
from db.jobs import hint
from db.leases import Lease
from db.queries import QUERIES
from db.storable import jsonb


async def ask_rollback(pool: Pool, epic_id: str, data: Mapping[str, Any]) -> int:
    """Leave a rollback for whoever holds the epic now, or takes it next; return the number of the command."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(QUERIES["ask_rollback"], {"epic": epic_id, "data": jsonb(dict(data))})).fetchone()
            await hint(connection, epic_id)
    if row is None:
        message = f"a rollback of {epic_id} could not be asked for"
        raise LookupError(message)
    return int(row["id"])


async def asked_rollback(pool: Pool, command: int) -> Row:
    """What became of a rollback that was asked for: `applied_at`, and the `problem` if it was refused."""
    return await fetch_one(pool, "asked_rollback", {"command": command}) or {"applied_at": None, "problem": None}


async def unapplied_rollback(pool: Pool, epic_id: str) -> Row | None:
    """The oldest rollback that was asked for and not done yet."""
    return await fetch_one(pool, "unapplied_rollback", {"epic": epic_id})


async def refuse_rollback(pool: Pool, lease: Lease, command: int, problem: str, asked: Mapping[str, Any]) -> None:
    """Say why a rollback is not done, with its event."""
    async with fenced(pool, lease) as connection:
        await connection.execute(QUERIES["refuse_rollback"], {"command": command, "problem": problem})
        event = {"type": "rollback_refused", "data": {"by": asked.get("by"), "to": asked.get("to"), "why": problem}}
        await add_events(connection, lease.thread_id, [event])
