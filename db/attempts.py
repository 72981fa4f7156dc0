"""The rows of attempts: opened once per task of the graph, ended once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from db.connection import Connection, Pool
from db.epics import Row, Within, fetch_one
from db.fence import add_events, fenced
from db.leased_values import give_back_values
from db.leases import Lease
from db.queries import QUERIES
from db.sayings import count_as_told
from db.sealed_journal import brief_context, open_attempts, seal_document, seal_text
from db.storable import jsonb

_DOCUMENTS: Final = ("configuration", "changed", "lessons", "recalled", "setup")

_ALWAYS: Final = frozenset({"brief_hash", "start_commit"})
"""No two attempts have the same brief, and few the same start: that is no news."""


async def attempt_of_task(pool: Pool, epic_id: str, task_id: str) -> Row | None:
    """The attempt that this task of the graph opened before, if it did (durability rule 15)."""
    row = await fetch_one(pool, "attempt_of_task", {"epic": epic_id, "task": task_id})
    return None if row is None else (await open_attempts(pool.sealer, [row]))[0]


async def next_attempt_number(pool: Pool, lease: Lease) -> int:
    """Take the next attempt number of an epic; a number that is taken is never given again, used or not."""
    async with fenced(pool, lease) as connection:
        return await _next_number(connection, lease.thread_id)


async def _next_number(connection: Connection, epic_id: str) -> int:
    row = await (await connection.execute(QUERIES["take_attempt_number"], {"epic": epic_id})).fetchone()
    if row is None:
        message = f"there is no epic {epic_id}"
        raise LookupError(message)
    return int(row["n"])


async def open_attempt(pool: Pool, lease: Lease, values: Mapping[str, Any], *, before: Sequence[Mapping[str, Any]] = ()) -> Row:
    """Add an attempt, with its event, and return its row.

    Args:
        pool: connections to the database.
        lease: ours.
        before: events of what was done to open it, told before its own.
        values: the columns and the brief; `configuration`, `changed`, `lessons` and `recalled` may be missing, and so may `heard`: the
            numbers of what people said that the brief tells, and `setup`: what came of making its work tree ready. Without `n` it is the
            next number.
    """
    async with fenced(pool, lease) as connection:
        values = values if "n" in values else {**values, "n": await _next_number(connection, lease.thread_id)}
        setup = await seal_document(pool.sealer, "setup", values["n"], values.get("setup"))
        told = {**values, "setup": setup}
        documents = {name: jsonb(told[name]) if told.get(name) else None for name in _DOCUMENTS}
        brief = await seal_text(pool.sealer, values["brief"], brief_context(values["n"]))
        row = await (
            await connection.execute(QUERIES["open_attempt"], {**values, **documents, "epic": lease.thread_id, "epoch": lease.epoch})
        ).fetchone()
        if row is None:
            message = f"attempt {values['n']} of {lease.thread_id} could not be added"
            raise LookupError(message)
        await connection.execute(QUERIES["show_attempt"], {"epic": lease.thread_id, "n": values["n"]})
        await connection.execute(QUERIES["keep_brief"], {"epic": lease.thread_id, "n": values["n"], "brief": brief})
        keys = ("step", "workflow", "executor", "model", "branch")
        data = {"attempt": values["n"], **{key: values[key] for key in keys}, **_news(values)}
        await add_events(connection, lease.thread_id, [*before, {"type": "attempt_started", "data": data}])
        await count_as_told(connection, lease.thread_id, values.get("heard", ()), attempt=values["n"], turn=None)
        return {**row, "brief": values["brief"]}


async def end_attempt(
    pool: Pool, lease: Lease, n: int, result: Mapping[str, Any], event: Mapping[str, Any], *, within: Within | None = None
) -> None:
    """Store the result of an attempt, once, with its event; what went well is shown beside the failure that it came after.

    The values that it alone had are given back with it.

    Args:
        pool: connections to the database.
        lease: ours.
        n: the attempt.
        result: how it ended.
        event: what the event says of that.
        within: what else is written in the same transaction.
    """
    kept = await seal_document(pool.sealer, "result", n, result)
    async with fenced(pool, lease) as connection:
        await connection.execute(QUERIES["end_attempt"], {"epic": lease.thread_id, "n": n, "result": jsonb(kept)})
        await connection.execute(QUERIES["settle_analysis"], {"epic": lease.thread_id, "n": n})
        await give_back_values(connection, lease.thread_id, n)
        if within is not None:
            await within(connection, lease.thread_id)
        await add_events(connection, lease.thread_id, [{"type": "attempt_ended", "data": {"attempt": n, **event}}])


async def keep_setup(pool: Pool, lease: Lease, n: int, setup: Mapping[str, Any]) -> None:
    """Keep what came of making the work tree of an open attempt ready once more."""
    kept = await seal_document(pool.sealer, "setup", n, setup)
    async with fenced(pool, lease) as connection:
        await connection.execute(QUERIES["keep_setup"], {"epic": lease.thread_id, "n": n, "setup": jsonb(kept)})


async def setup_of_attempt(pool: Pool, epic_id: str, n: int) -> Row | None:
    """What came of making the work tree of an attempt ready, as {setup}, null where nothing was to do; None if there is no such attempt."""
    row = await fetch_one(pool, "setup_of_attempt", {"epic": epic_id, "n": n})
    return None if row is None else (await open_attempts(pool.sealer, [{**row, "n": n}]))[0]


def _news(values: Mapping[str, Any]) -> dict[str, Any]:
    """What an event says of how an attempt is set up: what differs from the one before, how many lessons it is told, what it recalls."""
    fields = [change["field"] for change in values.get("changed") or () if change["field"] not in _ALWAYS]
    lessons = len(values.get("lessons") or ())
    recalled = [memory["id"] for memory in values.get("recalled") or ()]
    news = {"changed": fields, "lessons": lessons, "recalled": recalled}
    return {name: told for name, told in news.items() if told}
