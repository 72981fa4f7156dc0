from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from db.throttling import SharedThrottle
from executors.provider_keys import ProviderKey, ProviderKeys
from executors.throttle import LONG_S, fingerprints, take_turn
from tests.fakes.journal import MemoryJournal

if TYPE_CHECKING:
    from db.connection import Database, Pool

KEYS = fingerprints(ProviderKeys(providers={"anthropic": ProviderKey(key=SecretStr("sk-ant-not-a-real-one"))}))
MODEL = "anthropic:claude-sonnet-4-5"

pytestmark = pytest.mark.postgres


class Sleeps:
    def __init__(self) -> None:
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture
async def other_pool(database_url) -> AsyncGenerator[Pool]:
    from db.connection import open_pool

    async with open_pool(database_url) as pool:
        yield pool


async def nobody(_seconds: float) -> None:
    pass


async def test_workers_share_the_calls_of_a_minute(database: Database, other_pool: Pool):
    sleeps = Sleeps()
    throttles = [SharedThrottle(pool, KEYS, 6, sleep=sleeps) for pool in (database.pool, other_pool)]

    await asyncio.gather(*(throttles[n % 2].turn("anthropic", nobody) for n in range(4)))

    # One at once, the others ten seconds apart; a wait may be a tenth longer.
    assert [round(wait, -1) for wait in sorted(sleeps.waits)] == [10, 20, 30]


async def test_a_part_of_the_minutes_calls_may_come_at_once(database: Database):
    sleeps = Sleeps()
    throttle = SharedThrottle(database.pool, KEYS, 60, sleep=sleeps)

    await asyncio.gather(*(throttle.turn("anthropic", nobody) for _ in range(6)))

    assert sleeps.waits == []


async def test_a_wait_that_the_provider_asked_for_holds_for_every_worker(database: Database, other_pool: Pool):
    sleeps = Sleeps()
    asked, other = (SharedThrottle(pool, KEYS, None, sleep=sleeps, look_s=0.0) for pool in (database.pool, other_pool))
    await other.turn("anthropic", nobody)

    await asked.told_to_wait("anthropic", 30)
    await asked.told_to_wait("anthropic", 2)
    waiting = asyncio.create_task(other.turn("anthropic", nobody))
    while not sleeps.waits:
        await asyncio.sleep(0.01)
    waiting.cancel()

    assert 25 < sleeps.waits[0] < 34


async def test_a_wait_that_is_over_is_over_for_all(database: Database, other_pool: Pool):
    await SharedThrottle(database.pool, KEYS, None).told_to_wait("anthropic", 0.2)
    other = SharedThrottle(other_pool, KEYS, None)
    begun = asyncio.get_running_loop().time()

    await other.turn("anthropic", nobody)

    assert asyncio.get_running_loop().time() - begun >= 0.1


async def test_a_worker_that_was_told_itself_waits_at_once(database: Database):
    sleeps = Sleeps()
    throttle = SharedThrottle(database.pool, KEYS, None, sleep=sleeps, look_s=60.0)
    await throttle.turn("anthropic", nobody)
    await throttle.told_to_wait("anthropic", 60)

    waiting = asyncio.create_task(throttle.turn("anthropic", nobody))
    while not sleeps.waits:
        await asyncio.sleep(0.01)
    waiting.cancel()

    assert sleeps.waits[0] > 30


async def test_another_key_waits_for_nobody(database: Database):
    sleeps = Sleeps()
    throttle = SharedThrottle(database.pool, {**KEYS, "openai": "another"}, 1, sleep=sleeps)
    await throttle.told_to_wait("anthropic", 60)

    await throttle.turn("openai", nobody)
    await throttle.turn("a provider that has no key", nobody)

    assert sleeps.waits == []


async def test_people_are_told_of_a_long_wait(database: Database):
    journal = MemoryJournal()
    throttle = SharedThrottle(database.pool, KEYS, 6, sleep=Sleeps())

    await take_turn(throttle, MODEL, journal)
    await take_turn(throttle, MODEL, journal)

    ((kind, said),) = journal.notes
    assert (kind, said["provider"]) == ("provider_waits", "anthropic")
    assert 5 < said["seconds"] <= 10


async def test_people_are_not_told_of_a_short_wait(database: Database):
    journal, sleeps = MemoryJournal(), Sleeps()
    throttle = SharedThrottle(database.pool, KEYS, None, sleep=sleeps)
    await throttle.told_to_wait("anthropic", LONG_S)

    await take_turn(throttle, MODEL, journal)

    assert sleeps.waits
    assert journal.notes == []


async def test_the_key_is_in_no_row(database: Database):
    await SharedThrottle(database.pool, KEYS, 60).turn("anthropic", nobody)

    async with database.pool.connection() as connection:
        rows = await (await connection.execute(b"SELECT t::text AS row FROM provider_turns t")).fetchall()

    assert len(rows) == 1
    assert "sk-ant" not in rows[0]["row"]
