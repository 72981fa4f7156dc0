"""The rows of memories: named values of the installation, a project, an agent or a session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from db.connection import Connection, Pool
from db.epics import Row, fetch_all, fetch_one
from db.queries import QUERIES
from db.sessions import Readers


async def memories_for(pool: Pool, names: Iterable[str], *, repo: str, agent: str, session: str) -> list[Row]:
    """Of each name the value that is nearest to a conversation, in one query."""
    values = {"names": sorted(names), "repo": repo, "agent": agent, "session": session}
    return await fetch_all(pool, "memories_for", values)


async def set_memory(connection: Connection, place: Mapping[str, Any], value: str, *, by: str) -> Row | None:
    """Keep a value; `place` has scope, repo, agent, session and name."""
    return await (await connection.execute(QUERIES["set_memory"], {**place, "value": value, "by": by})).fetchone()


async def get_memory(pool: Pool, scope: str, owner: str, name: str) -> Row | None:
    """One value."""
    return await fetch_one(pool, "get_memory", {"scope": scope, "owner": owner, "name": name})


async def unset_memory(connection: Connection, scope: str, owner: str, name: str) -> Row | None:
    """Forget a value, and return it; None if there was none."""
    values = {"scope": scope, "owner": owner, "name": name}
    return await (await connection.execute(QUERIES["unset_memory"], values)).fetchone()


async def list_memories(pool: Pool, asked: Mapping[str, Any], readers: Readers) -> list[Row]:
    """Values by scope, owner and name; `asked` has scope, owner, name, limit and the last one seen."""
    return await fetch_all(pool, "list_memories", {**asked, **readers.values})
