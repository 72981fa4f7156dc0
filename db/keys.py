"""The rows of keys; of a key itself there is only the hash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from db.connection import Connection, Pool
from db.epics import Row, fetch_all, fetch_one
from db.failures import foreseen
from db.queries import QUERIES
from db.storable import jsonb
from epics.roles import Grant


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """A key that is to be kept."""

    id: str
    prefix: str
    hash: bytes
    person: str
    name: str
    grants: tuple[Grant, ...]
    by: str
    lasts: timedelta | None
    """None for ever."""


async def asked_key(place: Pool | Connection, prefix: str) -> Row | None:
    """The key with this prefix and its person, whether it holds or not."""
    if isinstance(place, Pool):
        return await fetch_one(place, "asked_key", {"prefix": prefix})
    return await (await place.execute(QUERIES["asked_key"], {"prefix": prefix})).fetchone()


async def note_use(pool: Pool, key_id: str) -> None:
    """Write down that a key was used just now."""
    with foreseen():
        async with pool.connection() as connection:
            await connection.execute(QUERIES["note_use_of_key"], {"id": key_id})


async def list_keys(pool: Pool, person: str | None = None) -> list[Row]:
    """All keys, or those of a person, oldest first; never with a hash."""
    return await fetch_all(pool, "list_keys", {"person": person})


async def insert_key(connection: Connection, key: NewKey) -> None:
    """Keep a new key."""
    await connection.execute(
        QUERIES["insert_key"],
        {
            "id": key.id,
            "prefix": key.prefix,
            "hash": key.hash,
            "person": key.person,
            "name": key.name,
            "grants": grants_column(key.grants),
            "by": key.by,
            "lasts": key.lasts,
        },
    )


async def rotate_key(connection: Connection, key_id: str, new_hash: bytes, grace: timedelta) -> bool:
    """Give a key another secret; the one before holds for the grace. False if the key does not hold any more."""
    values = {"id": key_id, "hash": new_hash, "grace": grace}
    return await (await connection.execute(QUERIES["rotate_key"], values)).fetchone() is not None


async def revoke_key(connection: Connection, key_id: str, by: str) -> bool:
    """End a key; False if it was ended before."""
    return await (await connection.execute(QUERIES["revoke_key"], {"id": key_id, "by": by})).fetchone() is not None


async def revoke_keys_of_person(connection: Connection, person: str, by: str) -> tuple[str, ...]:
    """End all keys of a person, and return their ids."""
    rows = await (await connection.execute(QUERIES["revoke_keys_of_person"], {"person": person, "by": by})).fetchall()
    return tuple(row["id"] for row in rows)


async def revoke_keys_of_place(connection: Connection, person: str, name: str, by: str) -> None:
    """End the keys of a person that have this name."""
    await connection.execute(QUERIES["revoke_keys_of_place"], {"person": person, "name": name, "by": by})


def grants_column(grants: Iterable[Grant]) -> object:
    """Grants as a column holds them."""
    return jsonb([grant.model_dump(mode="json") for grant in grants])


def grants_in(column: Iterable[object] | None) -> tuple[Grant, ...]:
    """The grants that a column holds."""
    return tuple(Grant.model_validate(each) for each in column or ())
