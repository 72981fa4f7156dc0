"""Sealing anew what other data keys sealed: which texts there are, read and replaced page by page, and the data keys themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from db.audit import audited
from db.connection import Pool
from db.epics import Row, fetch_all
from db.failures import foreseen
from db.messages import message_context
from db.queries import QUERIES
from db.sealed_journal import brief_context, document_context, turn_context
from db.serializer import CONTEXT
from db.sessions import prompt_context
from db.slack_inbox import context_of as inbox_context

PAGE: Final = 100

Context = Callable[[Row, str], str]
"""From a row and the name of a column to what its text is bound to."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A table with sealed texts."""

    table: str
    first: Mapping[str, str | int]
    """The columns of its key, each with a value before all others."""
    columns: tuple[str, ...]
    context: Context


PLACES: Final = (
    Place(table="secrets", first={"name": ""}, columns=("sealed",), context=lambda row, _: f"secrets.sealed:{row['name']}"),
    Place(table="webhooks", first={"name": ""}, columns=("secret",), context=lambda row, _: f"webhooks.secret:{row['name']}"),
    Place(table="slack_inbox", first={"key": ""}, columns=("payload",), context=lambda row, _: inbox_context(row["key"])),
    Place(table="briefs", first={"epic_id": "", "attempt": -1}, columns=("text",), context=lambda row, _: brief_context(row["attempt"])),
    Place(
        table="attempts",
        first={"epic_id": "", "n": -1},
        columns=("setup", "result"),
        context=lambda row, column: document_context(column, row["n"]),
    ),
    Place(
        table="turns",
        first={"epic_id": "", "attempt": -1, "n": -1},
        columns=("request", "answer", "results"),
        context=lambda row, column: turn_context(column, row["attempt"], row["n"]),
    ),
    Place(
        table="messages",
        first={"session_id": "", "n": -1},
        columns=("message",),
        context=lambda row, _: message_context(row["session_id"], row["n"]),
    ),
    Place(table="session_runs", first={"run_id": ""}, columns=("prompt",), context=lambda row, _: prompt_context(row["run_id"])),
    Place(
        table="checkpoint_blobs",
        first={"thread_id": "", "checkpoint_ns": "", "channel": "", "version": ""},
        columns=("blob",),
        context=lambda *_: CONTEXT,
    ),
    Place(
        table="checkpoint_writes",
        first={"thread_id": "", "checkpoint_ns": "", "checkpoint_id": "", "task_id": "", "idx": -1_000},
        columns=("blob",),
        context=lambda *_: CONTEXT,
    ),
)
"""Where sealed texts stand."""


@dataclass(frozen=True, kw_only=True)
class Renewed:
    """What becomes of the data keys."""

    wrapped: Mapping[str, str]
    """Those that are there, sealed anew."""
    name: str
    key: str
    """The new one, sealed."""
    master: str
    """The name of the master key that seals them."""


async def stale_page(pool: Pool, place: Place, after: Mapping[str, Any], mark: str) -> list[Row]:
    """The next rows with a text that does not begin with `mark`, in the order of their keys."""
    return await fetch_all(pool, f"stale_{place.table}", {**after, "mark": mark, "limit": PAGE})


async def reseal(pool: Pool, place: Place, rows: list[tuple[Row, Mapping[str, str]]]) -> None:
    """Put new texts in place of those that were read, all or none; what was written meanwhile stays.

    Args:
        pool: connections to the database.
        place: the table.
        rows: each row as it was read, and its new texts by column.
    """
    given = []
    for row, texts in rows:
        was = {f"was_{column}": row[column] for column in place.columns}
        given.append({**{name: row[name] for name in place.first}, **was, **{column: texts.get(column) for column in place.columns}})
    with foreseen():
        async with pool.connection() as connection, connection.transaction(), connection.cursor() as cursor:
            await cursor.executemany(QUERIES[f"reseal_{place.table}"], given)


async def begin_rotation(pool: Pool, renew: Callable[[Mapping[str, str]], Renewed], *, resume: bool) -> bool:
    """Change the data keys in one transaction, before which and after which everything can be opened; False if one was cut off.

    Args:
        pool: connections to the database.
        renew: told the data keys as they are sealed, says what they become.
        resume: whether one that was cut off is to be carried to its end with the data key that it made.
    """
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(QUERIES["lock_data_keys"])
            rows = await (await connection.execute(QUERIES["data_keys"])).fetchall()
            left = await (await connection.execute(QUERIES["data_keys_unemptied"])).fetchall()
            renewed = renew({row["name"]: row["wrapped"] for row in rows})
            for name, wrapped in renewed.wrapped.items():
                await connection.execute(QUERIES["rewrap_data_key"], {"name": name, "wrapped": wrapped})
            resumed = bool(left) and resume
            if not resumed:
                await connection.execute(QUERIES["retire_data_key"])
                await connection.execute(QUERIES["add_data_key"], {"name": renewed.name, "wrapped": renewed.key})
            await audited(connection, "rotate", kind="secret", subject=renewed.master, data={"resumed": resumed})
            return not resumed


async def end_rotation(pool: Pool) -> None:
    """Note that nothing is sealed any more with the data keys of before, and forget those that were retired long ago."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(QUERIES["data_keys_emptied"])
            await connection.execute(QUERIES["forget_data_keys"])
