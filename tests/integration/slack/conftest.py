"""Epics as rows, the real deliverer, and the fake of Slack that it talks to."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.workspace import BOT_TOKEN, BOT_USER, TEAM, Message

if TYPE_CHECKING:
    from db.connection import Database
    from engine.engine import Engine

CHANNEL = "C0GENERAL"

NewEpic = Callable[..., Awaitable[str]]
Deliver = Callable[..., Awaitable["asyncio.Task[None]"]]


class Desk:
    """What happens to epics, as workers and people write it, and what is seen of it in Slack."""

    def __init__(self, engine: Engine, fake: FakeSlack) -> None:
        self.engine = engine
        self.fake = fake
        self._numbers = itertools.count(1)

    async def execute(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of a query, committed."""
        async with self.engine._pool.connection() as connection:
            cursor = await connection.execute(query.encode(), values)
            return await cursor.fetchall() if cursor.description else []

    async def happens(self, epic: str, kind: str, **data: Any) -> None:
        """Add an event."""
        from db.fence import add_events

        async with self.engine._pool.connection() as connection, connection.transaction():
            await add_events(connection, epic, [{"type": kind, "data": data}])

    async def asks(self, epic: str, gate: str = "plan_gate", summary: str = "A file that greets.", **columns: Any) -> str:
        """Open an approval, as a checkpoint does."""
        from epics.approvals import OPTIONS
        from epics.steps import Step

        approval, moment = f"a-{epic[2:]}{next(self._numbers)}", next(self._numbers)
        await self.execute("UPDATE approvals SET status = 'superseded' WHERE epic_id = %s AND status = 'pending'", epic)
        await self.execute(
            "INSERT INTO approvals (id, epic_id, gate, moment, content_hash, question, options, summary)"
            " VALUES (%s, %s, %s, %s, %s, 'Shall it?', %s::jsonb, %s)",
            *(approval, epic, gate, moment, f"{moment:064}", "[" + ", ".join(f'"{each}"' for each in OPTIONS[Step(gate)]) + "]", summary),
        )
        for column, value in columns.items():
            await self.execute(f"UPDATE approvals SET {column} = %s WHERE id = %s", value, approval)
        await self.execute("UPDATE epics SET status = 'waiting', step = %s, waiting_on = %s WHERE id = %s", gate, approval, epic)
        await self.happens(epic, "approval_opened", approval=approval, gate=gate, question="Shall it?")
        return approval

    async def decides(self, approval: str, choice: str = "approve", *, by: str = "anna", channel: str = "cli", **more: Any) -> None:
        """Decide, by any channel."""
        from epics.approvals import Decision

        await self.engine.decide(approval, Decision.model_validate({"choice": choice, "by": by, "channel": channel, **more}))

    async def ends(self, epic: str, status: str = "merged") -> None:
        """End an epic, as its last checkpoint does."""
        await self.execute("UPDATE epics SET status = %s, waiting_on = NULL, step = 'merge' WHERE id = %s", status, epic)
        await self.happens(epic, "epic_ended", status=status, why="", commit="c" * 40)

    def root(self, epic: str) -> Message:
        """The one first message of an epic."""
        (found,) = self.fake.workspace.about(f"{epic}:root")
        return found

    def cards(self, epic: str) -> list[Message]:
        """The cards of an epic, in order."""
        return self.fake.workspace.about(f"{epic}:card:")

    async def until(self, holds: Callable[[], Any], what: str, *, seconds: float = 30.0) -> None:
        """Wait until something is so in Slack."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not holds():
            assert asyncio.get_running_loop().time() < deadline, f"not within {seconds} s: {what}"
            await asyncio.sleep(0.02)

    async def until_shown(self, *, seconds: float = 30.0) -> None:
        """Wait until every thread shows what happened last."""
        deadline = asyncio.get_running_loop().time() + seconds
        while await self.execute("SELECT epic_id FROM slack_threads WHERE shown < wanted OR claimed_until > clock_timestamp()"):
            assert asyncio.get_running_loop().time() < deadline, f"not shown within {seconds} s"
            await asyncio.sleep(0.02)


@pytest.fixture
def fake() -> Generator[FakeSlack]:
    """A Slack of the test's own."""
    with FakeSlack() as made:
        yield made


@pytest.fixture
def engine(database: Database, tmp_path: Path) -> Engine:
    """An engine without executors: nothing is run here."""
    from engine.assembling import Installation
    from engine.engine import Engine

    return Engine(
        Installation(
            home=tmp_path / "home",
            database=database,
            executors={},
            agents_dir=None,
            environment={},
            git_environment={},
            lease_seconds=10.0,
            secrets=frozenset({"the-planted-secret"}),
        )
    )


@pytest.fixture
async def desk(engine: Engine, fake: FakeSlack) -> Desk:
    """What happens, with the workspace registered."""
    from db.slack import register_workspace

    await register_workspace(engine._pool, TEAM, BOT_USER, CHANNEL)
    return Desk(engine, fake)


@pytest.fixture
def new_epic(database: Database) -> NewEpic:
    """Adds the row of a queued epic, which is its first event."""
    from db.epics import insert_epic

    numbers = itertools.count(1)

    async def make(goal: str = "Greet people", repo: str = "/repo") -> str:
        epic = f"e-{next(numbers):010}"
        asked: dict[str, Any] = {"id": epic, "goal": goal, "repo": repo, "base": "main", "base_commit": "c" * 40, "executor": "scripted"}
        unset: dict[str, Any] = dict.fromkeys(("model", "budget_usd", "yes_by"))
        who = {"requested_by": "anna", "requested_via": "cli"}
        given = {**asked, **unset, **who, "autonomy": "auto", "auto_approve": False, "graph_version": 1, "labels": {}}
        assert await insert_epic(database.pool, given)
        return epic

    return make


@pytest.fixture
async def deliver(engine: Engine, fake: FakeSlack) -> AsyncGenerator[Deliver]:
    """Starts deliverers with little patience; they are stopped when the test ends."""
    import structlog
    from pydantic import SecretStr

    from api.slack.client import open_client
    from api.slack.delivering import Pace, run_slack_posts
    from api.slack.thread import Patience

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("error"))
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        stack.callback(structlog.reset_defaults)
        running: list[asyncio.Task[None]] = []

        async def start(**patience: float) -> asyncio.Task[None]:
            client = await stack.enter_async_context(open_client(SecretStr(BOT_TOKEN), fake.api_url))
            quick = {"again_s": 0.05, "first_wait_s": 0.1, "most_wait_s": 0.4, "look_s": 0.2, "closed_wait_s": 0.3, **patience}
            pace = Pace(poll_s=0.03, patience=Patience(**quick))
            task = asyncio.create_task(run_slack_posts(engine, client, stop, public_url="https://genie.example.org", pace=pace))
            running.append(task)
            return task

        yield start
        stop.set()
        await asyncio.gather(*running, return_exceptions=True)
