"""What is asked of an epic and done by whoever holds it: cancels and rollbacks, in the order in which they were asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from db.audit import audited
from db.connection import Pool
from db.epics import Row, fetch_one
from db.failures import foreseen
from db.fence import add_events, fenced
from db.jobs import hint
from db.leases import Lease
from db.queries import QUERIES
from db.storable import jsonb
from epics.runs import is_run


async def ask_cancel(pool: Pool, epic_id: str, data: Mapping[str, Any]) -> int:
    """Leave a cancel for whoever holds the epic now, or takes it next; return the number of the command."""
    return await _ask(pool, "cancel", epic_id, data)


async def ask_rollback(pool: Pool, epic_id: str, data: Mapping[str, Any]) -> int:
    """Leave a rollback for whoever holds the epic now, or takes it next; return the number of the command."""
    return await _ask(pool, "rollback", epic_id, data)


async def asked_command(pool: Pool, command: int) -> Row:
    """What became of what was asked for: `applied_at`, and the `problem` if it could not be done."""
    return await fetch_one(pool, "asked_command", {"command": command}) or {"applied_at": None, "problem": None}


async def unapplied_command(pool: Pool, epic_id: str) -> Row | None:
    """The oldest of what was asked of an epic and is not done yet."""
    return await fetch_one(pool, "unapplied_command", {"epic": epic_id})


async def end_command(pool: Pool, lease: Lease, command: int, problem: str | None = None) -> None:
    """Record that a command was carried out, or why it could not be."""
    async with fenced(pool, lease) as connection:
        await connection.execute(QUERIES["end_command"], {"command": command, "problem": pool.clean(problem)})


async def refuse_rollback(pool: Pool, lease: Lease, command: int, problem: str, asked: Mapping[str, Any]) -> bool:
    """Say why a rollback is not done, with its event; False, and no word of it, if it was done."""
    async with fenced(pool, lease) as connection:
        ended = await (await connection.execute(QUERIES["end_command"], {"command": command, "problem": pool.clean(problem)})).fetchone()
        if ended is None:
            return False
        event = {"type": "rollback_refused", "data": {"by": asked.get("by"), "to": asked.get("to"), "why": problem}}
        await add_events(connection, lease.thread_id, [event])
    return True


async def _ask(pool: Pool, kind: str, epic_id: str, data: Mapping[str, Any]) -> int:
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            row = await (await connection.execute(QUERIES[f"ask_{kind}"], {"epic": epic_id, "data": jsonb(dict(data))})).fetchone()
            if row is None:
                message = f"nothing could be asked of epic {epic_id}"
                raise LookupError(message)
            await hint(connection, epic_id)
            deed = "undo" if data.get("undo") else kind
            asked = {"command": row["id"], **{name: data[name] for name in ("by", "to", "level") if data.get(name) is not None}}
            thing = "run" if is_run(epic_id) else "epic"
            await audited(connection, deed, kind=thing, subject=epic_id, epic=epic_id, answer="asked", data=asked)
    return int(row["id"])
