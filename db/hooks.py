"""Deliveries from outside: each is known once, in the transaction of the deed that it led to."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from db.connection import Connection, Database, Pool
from db.epics import fetch_one
from db.failures import foreseen
from db.queries import QUERIES
from db.sealer import Sealer
from db.storable import jsonb

KEPT_DAYS: Final = 30


class DeliveryTaken(Exception):
    """Another process has answered this delivery meanwhile; whoever sees this rolls back, and reads the answer."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How a delivery is known: by the id that its sender gave it, and by what was signed where that covers no id."""

    source: str
    id: str
    signed: str


async def hook_answer(pool: Pool, delivery: Delivery) -> dict[str, Any] | None:
    """What the first of this delivery was answered, or None."""
    row = await fetch_one(pool, "hook_answer", _values(delivery))
    return None if row is None else dict(row["answer"])


async def insert_hook_delivery(connection: Connection, delivery: Delivery, answer: Mapping[str, Any]) -> None:
    """Keep an answer in the transaction that makes it true.

    Raises:
        DeliveryTaken: if there is one already; the transaction must be rolled back.
    """
    values = {**_values(delivery), "answer": jsonb(dict(answer))}
    if await (await connection.execute(QUERIES["insert_hook_delivery"], values)).fetchone() is None:
        raise DeliveryTaken


async def prune_hook_deliveries(pool: Pool) -> None:
    """Forget deliveries that came longer ago than any sender repeats them."""
    with foreseen():
        async with pool.connection() as connection:
            await connection.execute(QUERIES["prune_hook_deliveries"], {"days": KEPT_DAYS})


@asynccontextmanager
async def in_one_transaction(database: Database) -> AsyncGenerator[tuple[Connection, Database]]:
    """A transaction, and the database as it looks from inside: what is written through it is kept or undone as a whole."""
    with foreseen():
        async with database.pool.connection() as connection, connection.transaction():
            inside = _Inside(connection, database.pool.sealer)
            # All that our modules ask of a pool is its `connection()`, its `announcer` and its `sealer`.
            yield connection, replace(database, pool=cast("Pool", inside))
    for epic_id in inside.announcer.epics:
        database.pool.announcer.announce(epic_id)


class _Later:
    """Keeps what is to be announced until it is committed."""

    def __init__(self) -> None:
        self.epics: set[str] = set()

    def announce(self, epic_id: str) -> None:
        """Keep it."""
        self.epics.add(epic_id)


class _Inside:
    """A pool with one connection, which is in a transaction: transactions of its users are savepoints of it."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self.sealer = sealer
        self.announcer = _Later()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """The connection."""
        yield self._connection


def _values(delivery: Delivery) -> dict[str, str]:
    return {"source": delivery.source, "delivery": delivery.id, "signed": delivery.signed}
