"""Epics that make news, receivers that log it, and deliverers that can be started, stopped and killed."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.receiver import Behaviour, Receiver

if TYPE_CHECKING:
    from db.connection import Database
    from engine.assembling import Installation
    from engine.webhooks import Webhooks

NewEpic = Callable[[], Awaitable[str]]
Tell = Callable[..., Awaitable[None]]
NewReceiver = Callable[..., Receiver]
Deliver = Callable[..., "asyncio.Task[None]"]


@pytest.fixture
def installation(database: Database, tmp_path: Path) -> Installation:
    """An installation that may send to this machine."""
    from engine.assembling import Installation
    from engine.keyring import StoredKeyring
    from engine.master_key import MasterKeys

    database.pool.sealer = StoredKeyring(database.pool, MasterKeys(home=tmp_path))
    return Installation(
        home=tmp_path / "home",
        database=database,
        executors={},
        agents_dir=None,
        environment={},
        git_environment={},
        lease_seconds=10.0,
        webhook_allow_private=True,
    )


@pytest.fixture
def webhooks(installation: Installation) -> Webhooks:
    """Webhooks of the test's own database."""
    from engine.webhooks import Webhooks

    return Webhooks(installation)


@pytest.fixture
def new_epic(database: Database) -> NewEpic:
    """Adds the row of a queued epic, which is its first event."""
    from db.epics import insert_epic

    numbers = itertools.count(1)

    async def make() -> str:
        given: dict[str, Any] = {
            "id": f"e-{next(numbers):010}",
            "goal": "Greet people",
            "repo": "/repo",
            "base": "main",
            "base_commit": "c" * 40,
            "budget_usd": None,
            "executor": "scripted",
            "model": None,
            "autonomy": "auto",
            "auto_approve": False,
            "graph_version": 1,
            "labels": {"team": "red"},
        }
        assert await insert_epic(database.pool, given)
        return str(given["id"])

    return make


@pytest.fixture
def tell(database: Database) -> Tell:
    """Adds events to an epic, each in a transaction of its own."""
    from db.fence import add_events

    async def add(epic: str, count: int = 1, kind: str = "step_finished", **data: Any) -> None:
        for _ in range(count):
            async with database.pool.connection() as connection:
                await add_events(connection, epic, [{"type": kind, "data": data}])

    return add


@pytest.fixture
def receiver(tmp_path: Path) -> Generator[NewReceiver]:
    """Opens receivers; see `Receiver`."""
    made: list[Receiver] = []

    def open_one(name: str = "requests", behave: Behaviour | None = None, **more: Any) -> Receiver:
        made.append(Receiver(tmp_path / f"{name}.jsonl", behave, **more))
        return made[-1]

    yield open_one
    for each in made:
        each.close()


@pytest.fixture
async def deliver(installation: Installation) -> AsyncGenerator[Deliver]:
    """Starts deliverers, quick ones; what is given are fields of `Pace`."""
    from engine.outbox import Pace, run_outbox

    async with AsyncExitStack() as stack:

        def start(stop: asyncio.Event | None = None, **pace: Any) -> asyncio.Task[None]:
            end = stop or asyncio.Event()
            quick = Pace(**{"poll_s": 0.05, "first_wait_s": 0.05, "timeout_s": 30.0, "claim_s": 90.0, **pace})
            task = asyncio.create_task(run_outbox(installation, end, quick))

            async def finish() -> None:
                end.set()
                await asyncio.wait({task})

            stack.push_async_callback(finish)
            return task

        yield start
