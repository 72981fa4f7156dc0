"""Runs that take part in conversations, as rows: no agent has to be run for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from db.connection import Connection, Database
    from engine.sessions.conversation import Conversation

Began = Callable[..., Awaitable["Conversation"]]
Start = Callable[..., Awaitable[tuple[str, str]]]
Rows = Callable[..., Awaitable[list[dict[str, Any]]]]

REPO = "/srv/shop"


@pytest.fixture
def rows(database: Database) -> Rows:
    """What a query says: `rows("SELECT …", *values)`."""

    async def read(query: str, *values: Any) -> list[dict[str, Any]]:
        async with database.pool.connection() as connection:
            cursor = await connection.execute(query.encode(), values or None)
            return await cursor.fetchall() if cursor.description else []

    return read


@pytest.fixture
def start(database: Database) -> Start:
    """Makes the row of a run that joins a session, and returns the ids of both: `start(session, repo=…, agent=…)`."""
    from db.epics import insert_epic
    from db.runs import keep_run_order
    from db.sessions import SeenAgent
    from engine.sessions.joining import join
    from epics.ids import new_id

    async def made(session: str | None = None, *, repo: str = REPO, agent: str = "simple") -> tuple[str, str]:
        joined = []

        async def beside(connection: Connection, run_id: str) -> None:
            order = {"workflow": agent, "task": "Hello", "variables": {}, "revision": None, "start_commit": ""}
            await keep_run_order(connection, run_id, {"kind": "agent", "session": None, **order})
            seen = SeenAgent(name=agent, kind="python", description="Talks.", content_hash="h")
            joined.append(await join(connection, run_id, seen, session=session, repo=repo))

        common = {"goal": "Hello", "base": "main", "base_commit": "", "budget_usd": None, "executor": "in_process", "model": None}
        more = {"autonomy": "ask", "auto_approve": False, "graph_version": 1}
        # Ids of the same millisecond are sometimes the same.
        while not await insert_epic(database.pool, {**common, **more, "repo": repo, "id": (run := new_id("r"))}, within=beside):
            continue
        return run, joined[0]

    return made


@pytest.fixture
def began(database: Database, start: Start) -> Began:
    """A run that joined a session and is held, as its worker has it: `began(session, run=…, **as for start)`."""
    from db.leases import Worker, take_lease
    from db.sessions import SeenAgent
    from engine.sessions.conversation import Conversation

    async def opened(session: str | None = None, *, run: str | None = None, tokens: int = 32_000, **asked: Any) -> Conversation:
        run_id = run or (await start(session, **asked))[0]
        lease = await take_lease(database.pool, run_id, Worker(name="here:1", host="here", pid=1, pid_started="1"), seconds=600.0)
        seen = SeenAgent(name=asked.get("agent", "simple"), kind="python", description="Talks.", content_hash="h")
        return await Conversation.open(database.pool, lease, seen, tokens=tokens)

    return opened
