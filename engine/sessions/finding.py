"""Finding the session that somebody means, among those that are there for the caller."""

from __future__ import annotations

import re
from typing import Final

from db.connection import Connection, Pool
from db.failures import foreseen
from db.queries import QUERIES
from db.sessions import Readers
from engine.finding import Found
from engine.readable import reader
from epics.agent_errors import SessionNotFound
from epics.errors import InvalidInput

LIKE_AN_ID: Final = re.compile(r"s-[0-9a-z]{0,40}")


def readers() -> Readers:
    """Whose sessions the caller may read."""
    return Readers(**reader())


async def found_session(pool: Pool, given: str) -> Found:
    """The one session that `given` is, or is the beginning of, or names.

    Raises:
        SessionNotFound: if there is none for the caller.
        InvalidInput: if there are several.
    """
    with foreseen():
        async with pool.connection() as connection:
            return await session_meant(connection, given)


async def session_meant(connection: Connection, given: str) -> Found:
    """As `found_session`, in a transaction."""
    query = "find_sessions" if LIKE_AN_ID.fullmatch(given) else "find_sessions_named"
    rows = await (await connection.execute(QUERIES[query], {"given": given, **readers().values})).fetchall()
    rows = [row for row in rows if row["id"] == given] or rows
    if not rows:
        raise no_session(given)
    if len(rows) > 1:
        message = f"{given!r} can be more than one session: {', '.join(row['id'] for row in rows)}"
        raise InvalidInput(message)
    return Found(id=rows[0]["id"], repo=rows[0]["repo"])


def no_session(given: str) -> SessionNotFound:
    """What is said where there is no such session."""
    return SessionNotFound(f"there is no session {given!r}: see `genie session list`")
