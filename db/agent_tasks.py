"""The lists of things to do that agents keep: one for each epic, run and conversation; every write fenced by the lease of who works."""

from __future__ import annotations

from typing import Any, Final, Literal

from db.connection import Pool
from db.epics import Row, fetch_all
from db.fence import add_events, fenced
from db.leases import Lease
from db.queries import QUERIES
from db.storable import storable_text

MOST: Final = 1_000
"""Tasks of one list, with those that have ended."""

MOST_OPEN: Final = 100


async def list_tasks(pool: Pool, owner: str, session: str | None) -> list[Row]:
    """The tasks of an epic or run, or of a conversation where there is one, in order."""
    return await fetch_all(pool, "list_tasks", _list_of(owner, session))


async def add_task(pool: Pool, lease: Lease, session: str | None, *, key: str, text: str) -> Row | None:
    """Add a task, once by its key, with its event; None if the list is full."""
    values = {**_list_of(lease.thread_id, session), "key": key, "text": storable_text(str(pool.clean(text)))}
    async with fenced(pool, lease) as connection:
        await connection.execute(QUERIES["lock_tasks"], values)
        known = await (await connection.execute(QUERIES["task_of_call"], values)).fetchone()
        if known is not None:
            return known
        limits = {"most": MOST, "most_open": MOST_OPEN}
        row = await (await connection.execute(QUERIES["add_task"], {**values, **limits})).fetchone()
        if row is not None:
            await add_events(connection, lease.thread_id, [{"type": "task_added", "data": {"task": row["n"], "text": row["text"]}}])
    return row


async def end_task(pool: Pool, lease: Lease, session: str | None, n: int, state: Literal["done", "dropped"], note: str) -> Row | None:
    """End a task, with its event where that is news; None if there is no such task."""
    values = {**_list_of(lease.thread_id, session), "n": n, "state": state, "note": storable_text(str(pool.clean(note)))}
    async with fenced(pool, lease) as connection:
        await connection.execute(QUERIES["lock_tasks"], values)
        before = await (await connection.execute(QUERIES["list_tasks"], values)).fetchall()
        row = await (await connection.execute(QUERIES["end_task"], values)).fetchone()
        if row is not None and row not in before:
            data = {"task": n, "text": row["text"], "state": state, "note": row["note"]}
            await add_events(connection, lease.thread_id, [{"type": "task_ended", "data": data}])
    return row


def _list_of(owner: str, session: str | None) -> dict[str, Any]:
    return {"epic": None, "session": session} if session else {"epic": owner, "session": None}
