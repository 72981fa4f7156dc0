"""Transactions beside the checkpoint that write an epic: each begins with the fence."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from db.cleaning import cleaned
from db.connection import Connection, Pool
from db.failures import foreseen
from db.leases import Lease
from db.queries import QUERIES
from db.storable import jsonb


@asynccontextmanager
async def fenced(pool: Pool, lease: Lease) -> AsyncGenerator[Connection]:
    """A connection in a transaction that is refused if the lease is lost.

    Raises:
        LeaseLost: if another worker has taken over; nothing is kept.
    """
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(QUERIES["assert_lease"], {"thread": lease.thread_id, "epoch": lease.epoch, "token": lease.token})
            yield connection
    pool.announcer.announce(lease.thread_id)


async def add_events(connection: Connection, epic_id: str, events: Sequence[Mapping[str, Any]]) -> None:
    """Append events ({type, data}) to an epic in the transaction at hand, numbered under the epic's row lock."""
    if events:
        await connection.execute(QUERIES["add_events"], {"epic": epic_id, "events": jsonb(cleaned(connection, list(events)))})
