"""The rows of worker processes: what each says of itself, renewed as long as it lives. No epic depends on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from db.connection import Pool
from db.epics import Row, fetch_all
from db.failures import foreseen
from db.leases import Worker
from db.queries import QUERIES

ALIVE_S: Final = 10.0
"""A worker that was not heard of for so long counts as gone."""


@dataclass(frozen=True, kw_only=True)
class Beat:
    """A sign of life."""

    id: UUID
    worker: Worker
    version: str
    concurrency: int
    running: int
    draining: bool
    holding_back: str
    """Why it takes no epic at the moment, if it takes none."""


async def beat(pool: Pool, given: Beat) -> None:
    """Say that a worker lives, and what it does."""
    values = {
        "id": given.id,
        "name": given.worker.name,
        "host": given.worker.host,
        "pid": given.worker.pid,
        "version": given.version,
        "concurrency": given.concurrency,
        "running": given.running,
        "draining": given.draining,
        "holding_back": given.holding_back,
    }
    await _execute(pool, "worker_beats", values)


async def leave(pool: Pool, worker_id: UUID) -> None:
    """Take a worker's row away: it has ended in good order."""
    await _execute(pool, "worker_leaves", {"id": worker_id})


async def forget_workers(pool: Pool) -> None:
    """Delete the rows of workers that died long ago."""
    await _execute(pool, "forget_workers", {})


async def list_workers(pool: Pool) -> list[Row]:
    """All workers, those that live first."""
    return await fetch_all(pool, "list_workers", {"alive_s": ALIVE_S})


async def _execute(pool: Pool, query: str, values: Row) -> None:
    with foreseen():
        async with pool.connection() as connection:
            await connection.execute(QUERIES[query], values)
