"""The rows of people, of what each channel knows them by, and of tokens that were taken back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

from db.connection import Connection, Pool
from db.epics import Row, fetch_all, fetch_one
from db.failures import foreseen
from db.keys import grants_column
from db.queries import QUERIES
from epics.roles import Grant


@asynccontextmanager
async def changing_people(pool: Pool) -> AsyncGenerator[Connection]:
    """A transaction that changes people or keys, one at a time in all processes."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(QUERIES["lock_people"])
            yield connection


async def list_people(pool: Pool, name: str | None = None) -> list[Row]:
    """All people, or the one with this name, each with identities and the number of keys that hold."""
    return await fetch_all(pool, "list_people", {"name": name})


async def person_identified(place: Pool | Connection, kind: str, value: str) -> Row | None:
    """The person whom a channel knows by a name, or None."""
    values = {"kind": kind, "value": value}
    if isinstance(place, Pool):
        return await fetch_one(place, "person_identified", values)
    return await (await place.execute(QUERIES["person_identified"], values)).fetchone()


async def person_named(place: Pool | Connection, name: str) -> Row | None:
    """The person with a name, or None."""
    if isinstance(place, Pool):
        return await fetch_one(place, "person_named", {"name": name})
    return await (await place.execute(QUERIES["person_named"], {"name": name})).fetchone()


async def insert_person(connection: Connection, name: str, grants: Iterable[Grant], groups: Iterable[str], by: str) -> bool:
    """Add a person; False if the name is taken."""
    values = {"name": name, "groups": list(groups), "grants": grants_column(grants), "by": by}
    return await (await connection.execute(QUERIES["insert_person"], values)).fetchone() is not None


async def update_person(connection: Connection, name: str, grants: Iterable[Grant] | None, groups: Iterable[str] | None) -> bool:
    """Give a person other grants or groups, or leave them where None is given; False if there is no such person."""
    values = {
        "name": name,
        "groups": None if groups is None else list(groups),
        "grants": None if grants is None else grants_column(grants),
    }
    return await (await connection.execute(QUERIES["update_person"], values)).fetchone() is not None


async def delete_person(connection: Connection, name: str) -> bool:
    """Remove a person with all identities; False if there is none."""
    return await (await connection.execute(QUERIES["delete_person"], {"name": name})).fetchone() is not None


async def link_identity(connection: Connection, person: str, kind: str, value: str) -> str:
    """Let a channel know a person by a name, and return who has that name now: another, if it was taken."""
    values = {"kind": kind, "value": value, "person": person}
    made = await (await connection.execute(QUERIES["insert_identity"], values)).fetchone()
    found = made or await (await connection.execute(QUERIES["identity_owner"], values)).fetchone()
    return str(found["person"]) if found is not None else person


async def unlink_identity(connection: Connection, person: str, kind: str, value: str) -> bool:
    """Take a name in a channel from a person; False if it was not that person's."""
    values = {"kind": kind, "value": value, "person": person}
    return await (await connection.execute(QUERIES["delete_identity"], values)).fetchone() is not None


async def is_without_admin(connection: Connection) -> bool:
    """Whether no person may administer everything."""
    row = await (await connection.execute(QUERIES["admins_left"])).fetchone()
    return row is None or row["admins"] == 0


async def asked_token(pool: Pool, *, jti: str, person: str | None, identity: str | None, key: str) -> Row:
    """What the database has to say about a token: whether it was taken back, its person if there is one, its key."""
    row = await fetch_one(pool, "token_asked", {"jti": jti, "person": person, "identity": identity, "key": key})
    if row is None:
        message = "a query without a condition found no row"
        raise LookupError(message)
    return row


async def revoke_token(connection: Connection, jti: str, by: str) -> bool:
    """Take a token back; False if it was before."""
    return await (await connection.execute(QUERIES["revoke_token"], {"jti": jti, "by": by})).fetchone() is not None
