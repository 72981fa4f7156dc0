"""The rows of sessions: a conversation with an agent, and the runs that took part in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from db.connection import Connection, Pool
from db.epics import Row, fetch_all, fetch_one
from db.failures import foreseen
from db.fence import add_events, fenced
from db.leases import Lease
from db.queries import QUERIES
from db.sealed_journal import open_text, seal_text
from db.storable import jsonb


@dataclass(frozen=True, kw_only=True)
class SeenAgent:
    """What is kept of an agent as it is run."""

    name: str
    kind: str
    """python or workflow."""
    description: str
    content_hash: str


@dataclass(frozen=True, kw_only=True)
class Readers:
    """Whose sessions are read: those of repositories that fit (all if None), and of the others a person's own, or everyone's."""

    patterns: list[list[str]] | None
    person: str
    all: bool

    @property
    def values(self) -> dict[str, Any]:
        """As queries take them."""
        return {"patterns": self.patterns, "person": self.person, "all": self.all}


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A prompt as a run was told it: of which version, and which memories stand in it."""

    text: str
    status_key: str
    version: int
    used: tuple[Mapping[str, str], ...]


def prompt_context(run_id: str) -> str:
    """Where the prompt of a run stands."""
    return f"session_runs.prompt:{run_id}"


async def see_agent(connection: Connection, agent: SeenAgent) -> None:
    """Note that an agent is there, as it is now."""
    values = {"name": agent.name, "kind": agent.kind, "description": agent.description, "content_hash": agent.content_hash}
    await connection.execute(QUERIES["see_agent"], values)


async def insert_session(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Add a session; False if its id or its name is taken."""
    return await (await connection.execute(QUERIES["insert_session"], values)).fetchone() is not None


async def session_named(connection: Connection, *, agent: str, repo: str, name: str, person: str) -> str | None:
    """The id of the session that an agent has under a name, on a repository or of a person."""
    values = {"agent": agent, "repo": repo, "name": name, "person": person}
    row = await (await connection.execute(QUERIES["session_by_name"], values)).fetchone()
    return None if row is None else str(row["id"])


async def locked_session(connection: Connection, session_id: str) -> Row | None:
    """A session that nobody else changes until the transaction ends, with the run that it waits for."""
    return await (await connection.execute(QUERIES["lock_session"], {"id": session_id})).fetchone()


async def join_session(connection: Connection, session_id: str, run_id: str) -> None:
    """Make a run part of a session that is locked."""
    await connection.execute(QUERIES["join_session"], {"session": session_id, "run": run_id})


async def session_row(pool: Pool, session_id: str) -> Row | None:
    """One session with what faces show of it."""
    return await fetch_one(pool, "session_view", {"id": session_id})


async def list_sessions(pool: Pool, asked: Mapping[str, Any], readers: Readers) -> list[Row]:
    """Sessions, the newest first; `asked` has agent, repo, name, status, before and limit."""
    return await fetch_all(pool, "list_sessions", {**asked, **readers.values})


async def set_status(connection: Connection, session_id: str, status: str) -> None:
    """Open or close a session that is locked."""
    await connection.execute(QUERIES["close_session"], {"id": session_id, "status": status})


async def rename_session(connection: Connection, session_id: str, name: str) -> bool:
    """Give a session that is locked a name; False if another one has it."""
    return await (await connection.execute(QUERIES["rename_session"], {"id": session_id, "name": name})).fetchone() is not None


async def delete_session(connection: Connection, session_id: str) -> None:
    """Remove a session that is locked, with its messages and memories."""
    await connection.execute(QUERIES["delete_session"], {"id": session_id})


async def part_of(pool: Pool, run_id: str) -> Row | None:
    """The session that a run is part of, and the prompt that it was told; None if it is part of none."""
    row = await fetch_one(pool, "part_of_run", {"run": run_id})
    return row and {**row, "prompt": await open_text(pool.sealer, row["prompt"], prompt_context(run_id))}


async def keep_filled(pool: Pool, lease: Lease, filled: Filled, events: Sequence[Mapping[str, Any]]) -> Row | None:
    """Keep the prompt of a run that we hold, with its events, and return what is kept; None where one was kept before, which counts."""
    text = filled.text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    sealed = await seal_text(pool.sealer, text, prompt_context(lease.thread_id))
    values = {"status_key": filled.status_key, "version": filled.version, "prompt": sealed, "used": jsonb(list(filled.used))}
    async with fenced(pool, lease) as connection:
        row = await (await connection.execute(QUERIES["keep_filled_prompt"], {**values, "run": lease.thread_id})).fetchone()
        if row is None:
            return None
        await add_events(connection, lease.thread_id, events)
    return {"prompt": text, "status_key": filled.status_key, "version": filled.version, "used": list(filled.used)}


async def note_agent(pool: Pool, agent: SeenAgent) -> None:
    """As `see_agent`, in a transaction of its own."""
    with foreseen():
        async with pool.connection() as connection:
            await see_agent(connection, agent)
