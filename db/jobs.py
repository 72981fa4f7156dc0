"""Jobs: hints that an epic can be advanced, enqueued in the transaction of the deed that made it so (durability rule 10)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from db.connection import Connection, Pool
from db.failures import foreseen
from db.queries import QUERIES

QUEUE: Final = "epics"
ADVANCE: Final = "advance"
STALE_S: Final = 60.0
"""A job of a worker that has been silent for so long is nobody's."""


async def hint(connection: Connection, epic_id: str, *, at: datetime | None = None) -> None:
    """Tell the workers that an epic can be advanced, once the caller's transaction has committed.

    A hint that is lost, doubled or late harms nothing: the truth is the epic's row, its unapplied commands and its lease, and the sweepers
    of the workers find what no hint told them.

    Args:
        connection: where the deed is written; the hint goes away with it if it is rolled back.
        epic_id: the epic.
        at: not before this time; at once if None.
    """
    await connection.execute(QUERIES["hint"], {"epic": epic_id, "at": at})


async def forget_hints(pool: Pool, epic_id: str) -> None:
    """Delete the hints of an epic that has ended; where no worker runs, nobody else does."""
    with foreseen():
        async with pool.connection() as connection:
            await connection.execute(QUERIES["forget_hints"], {"epic": epic_id})


async def tidy_jobs(pool: Pool) -> None:
    """Delete the jobs that are over, and those that a dead worker left."""
    with foreseen():
        async with pool.connection() as connection:
            await connection.execute(QUERIES["tidy_jobs"], {"stale_s": STALE_S})
