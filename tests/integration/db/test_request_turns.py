"""Turns of requests: so many at once, then a share of each minute, counted in one row that all servers have."""

from __future__ import annotations

import asyncio

import pytest

from db.connection import Database
from db.rates import Turn, take_turn

pytestmark = pytest.mark.postgres


async def test_so_many_are_let_through_at_once_and_the_next_one_is_told_when(database: Database) -> None:
    turns = [await take_turn(database.pool, "key", per_minute=6, at_once=3) for _ in range(4)]

    assert [turn.allowed for turn in turns] == [True, True, True, False]
    assert [turn.remaining for turn in turns] == [2, 1, 0, 0]
    assert 9 < turns[-1].retry_after_s <= 10
    assert 20 < turns[-1].full_after_s <= 30


async def test_of_many_that_come_at_the_same_moment_no_more_are_let_through(database: Database) -> None:
    turns = await asyncio.gather(*(take_turn(database.pool, "key", per_minute=1, at_once=5) for _ in range(40)))

    assert sum(turn.allowed for turn in turns) == 5


async def test_a_refused_request_takes_nothing_and_time_gives_turns_back(database: Database) -> None:
    async def take() -> Turn:
        return await take_turn(database.pool, "key", per_minute=600, at_once=1)

    first = await take()
    refused = [await take() for _ in range(5)]
    await asyncio.sleep(0.11)
    later = await take()

    assert first.allowed
    assert not all(turn.allowed for turn in refused)
    assert later.allowed


async def test_each_bucket_has_turns_of_its_own(database: Database) -> None:
    await take_turn(database.pool, "one", per_minute=1, at_once=1)

    assert not (await take_turn(database.pool, "one", per_minute=1, at_once=1)).allowed
    assert (await take_turn(database.pool, "other", per_minute=1, at_once=1)).allowed
