"""Writing epics by hand: checkpoints, rows, and what a database holds of it all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, empty_checkpoint
from langgraph.checkpoint.base.id import uuid6

from db.connection import Pool
from db.leases import Lease, Worker, take_lease
from db.saver import FencedSaver
from epics.state import StepRecord
from epics.steps import Step

HERE: Final = Worker(name="here:1", host="here", pid=1, pid_started="1")
THERE: Final = Worker(name="there:2", host="there", pid=2, pid_started="2")
COMMIT: Final = "c" * 40
LONG_S: Final = 600.0

ATTEMPT: Final[Mapping[str, Any]] = {
    "n": 1,
    "task": "task-1",
    "step": "planning",
    "workflow": "planning",
    "workflow_hash": "h",
    "executor": "scripted",
    "model": "",
    "base_commit": "c",
    "branch": None,
    "brief": "Plan.",
    "limit_usd": None,
    "continues": None,
}
TURN: Final = {"n": 1, "request_hash": "h", "model": "m", "request": {}, "answer": {}}
TOKENS: Final = {"input": 1, "output": 1, "cache_read": 0, "cache_write": 0}


def state_after(step: Step, *, then: Step, **more: Any) -> dict[str, Any]:
    """The channel values of an epic that has finished a step."""
    return {"step": then, "base": COMMIT, "head": COMMIT, "last": StepRecord(step=step, outcome="done"), **more}


def checkpoint_of(values: Mapping[str, Any]) -> Checkpoint:
    """A new checkpoint with these channel values."""
    versions: dict[str, str | int | float] = dict.fromkeys(values, "1")
    return {**empty_checkpoint(), "id": str(uuid6(clock_seq=-2)), "channel_values": dict(values), "channel_versions": versions}


async def put(saver: FencedSaver, thread: str, values: Mapping[str, Any], parent: RunnableConfig | None = None) -> RunnableConfig:
    """Write a checkpoint as the loop of LangGraph does, and return its config."""
    before = parent or {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
    checkpoint = checkpoint_of(values)
    return await saver.aput(before, checkpoint, {"source": "loop", "step": 1, "parents": {}}, checkpoint["channel_versions"])


async def take_over(pool: Pool, lease: Lease) -> Lease:
    """Take a live lease over, as from a worker that is proved to be dead."""
    return await take_lease(pool, lease.thread_id, THERE, seconds=LONG_S, dead_epoch=lease.epoch)


async def expire(pool: Pool) -> None:
    """Let every lease run out now."""
    async with pool.connection() as connection:
        await connection.execute("UPDATE leases SET expires_at = '-infinity'")


async def rows(pool: Pool, query: str, *values: Any) -> list[dict[str, Any]]:
    """The rows of a query."""
    async with pool.connection() as connection:
        return await (await connection.execute(query.encode(), values or None)).fetchall()


async def contents(pool: Pool) -> dict[str, list[str]]:
    """Every row of every table, as text: two of these are equal if and only if nothing was written between them."""
    tables = [row["name"] for row in await rows(pool, "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")]
    return {name: [row["line"] for row in await rows(pool, f'SELECT t::text AS line FROM "{name}" t ORDER BY 1')] for name in tables}


async def until_waiting(pool: Pool, count: int, *, seconds: float = 5.0) -> None:
    """Return when exactly so many connections to this database wait for a lock, and have to go on waiting."""
    query = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deadline, seen, found = time.monotonic() + seconds, 0, -1
    while time.monotonic() < deadline:
        found = (await rows(pool, query))[0]["n"]
        seen = seen + 1 if found == count else 0
        if seen == 3:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{found} connections wait for a lock, not {count}")


async def break_once(pool: Pool, table: str, condition: str) -> None:
    """Let the first insert into a table that meets a condition on `NEW` fail, as if the server went away at this moment."""
    name = f"break_{table}"
    async with pool.connection() as connection:
        for statement in (
            f"CREATE SEQUENCE {name}",
            f"""
            CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF coalesce({condition}, false) AND nextval('{name}') = 1 THEN
                    RAISE EXCEPTION 'gone away' USING ERRCODE = '57P01';
                END IF;
                RETURN NEW;
            END $$
            """,
            f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
        ):
            await connection.execute(statement.encode())


async def broke(pool: Pool, table: str) -> bool:
    """Whether the insert that was to fail has failed."""
    return bool((await rows(pool, f"SELECT is_called FROM break_{table}"))[0]["is_called"])


async def until(happened: Callable[[], object], *, seconds: float = 10.0) -> None:
    """Return as soon as something has happened."""
    async with asyncio.timeout(seconds):
        while not happened():
            await asyncio.sleep(0.02)
