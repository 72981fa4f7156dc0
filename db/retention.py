"""Pruning finished epics in the database: what is due, taken away epic by epic, and by one process at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from db.connection import Connection, Pool
from db.epics import Row, fetch_one
from db.failures import foreseen
from db.queries import QUERIES

#: "retain" in ASCII, beside the lock of the migrations.
LOCK_KEY: Final = 0x72657461696E
BATCH: Final = 200


@dataclass(frozen=True, kw_only=True)
class Due:
    """A finished epic of which something is to go."""

    id: str
    status: str
    #: When it was last written to; pruned only if that is still so.
    updated_at: datetime
    #: Whether there are too many finished ones, and it is among the oldest.
    surplus: bool
    kinds: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Freed:
    """What went, or would go, of one kind."""

    kind: str
    rows: int
    bytes: int


async def due_epics(pool: Pool, limits: Mapping[str, int]) -> AsyncGenerator[Due]:
    """The epics that are due, oldest first; read in batches, each when the one before is done with.

    Args:
        pool: connections to the database.
        limits: `checkpoints_days`, `journal_days`, `events_days` and `keep`, the number of finished epics that keep their history.
    """
    at, after = datetime.min.replace(tzinfo=UTC), ""
    while True:
        with foreseen():
            async with pool.connection() as connection:
                cursor = await connection.execute(QUERIES["epics_to_prune"], {**limits, "after_at": at, "after_id": after, "limit": BATCH})
                found = [Due(**{**row, "kinds": tuple(row["kinds"])}) for row in await cursor.fetchall()]
        if not found:
            return
        at, after = found[-1].updated_at, found[-1].id
        for due in found:
            yield due


async def prune_epic(pool: Pool, due: Due, *, apply: bool) -> tuple[Freed, ...] | None:
    """Prune one epic, or measure what that would free; None if it is at work, or changed since it was found due."""
    given = {"epic": due.id, "kinds": list(due.kinds), "seen": due.updated_at, "apply": apply}
    with foreseen():
        async with pool.connection() as connection:
            rows = await (await connection.execute(QUERIES["prune_epic"], given)).fetchall()
    return tuple(Freed(kind=row["kind"], rows=row["row_count"], bytes=row["byte_count"]) for row in rows) or None


async def what_is_kept(pool: Pool) -> Row:
    """Counts of what pruning leaves alone."""
    return await fetch_one(pool, "what_is_kept", {}) or {}


async def last_pass(pool: Pool) -> Row | None:
    """The newest pass that a worker made or makes."""
    return await fetch_one(pool, "last_retention_pass", {})


@asynccontextmanager
async def only_pruner(pool: Pool) -> AsyncGenerator[bool]:
    """Be the only process that prunes this database; yields False if another one is."""
    with foreseen():
        async with pool.connection() as connection:
            if not await _is_true(connection, "try_retention_lock"):
                yield False
                return
            try:
                yield True
            finally:
                # The pool keeps the connection, and with it the lock. A connection that broke has given it back already.
                if not connection.closed:
                    await connection.execute(QUERIES["release_retention_lock"], {"key": LOCK_KEY})


async def open_pass(pool: Pool, *, every_s: float) -> int | None:
    """Note that a pass begins, and return its number; None if one began less than `every_s` seconds ago."""
    row = await fetch_one(pool, "open_retention_pass", {"every": every_s})
    return None if row is None else int(row["id"])


async def close_pass(pool: Pool, number: int, *, epics: int, rows: int, size: int) -> None:
    """Note what a pass freed; of very old passes nothing is kept."""
    with foreseen():
        async with pool.connection() as connection:
            given: dict[str, Any] = {"id": number, "epics": epics, "rows": rows, "bytes": size}
            await connection.execute(QUERIES["close_retention_pass"], given)
            await connection.execute(QUERIES["forget_retention_passes"], given)


async def _is_true(connection: Connection, query: str) -> bool:
    row = await (await connection.execute(QUERIES[query], {"key": LOCK_KEY})).fetchone()
    return row is not None and bool(row["locked"])
