"""The events of an epic are numbered without gaps, and who has seen one has seen all before it (rule 9)."""

from __future__ import annotations

import asyncio

import pytest

from db.epics import queue_epic, record_event
from db.fence import add_events, fenced
from db.saver import FencedSaver
from engine.checkpoints import project_values
from epics.steps import Step
from tests.integration.durability.writing import put, rows, state_after, until_waiting

pytestmark = pytest.mark.postgres

NUMBERS = "SELECT n FROM events WHERE epic_id = %s ORDER BY n"
EVENT = {"type": "epic_taken", "data": {}}


async def _numbers(database, epic):
    return [row["n"] for row in await rows(database.pool, NUMBERS, epic)]


async def _checkpoint(database, lease):
    saver = FencedSaver(database.pool, lease, project=project_values)
    await put(saver, lease.thread_id, state_after(Step.PLANNING, then=Step.ARCHITECT))


async def _event(database, lease):
    await record_event(database.pool, lease, "epic_taken", {})


@pytest.mark.parametrize("write", [_checkpoint, _event])
async def test_a_later_event_waits_for_an_earlier_one_that_is_not_committed(database, lease, write):
    async with fenced(database.pool, lease) as connection:
        await add_events(connection, lease.thread_id, [EVENT, EVENT])
        later = asyncio.create_task(write(database, lease))

        await until_waiting(database.pool, 1)

        assert await _numbers(database, lease.thread_id) == [1]
    await later
    assert await _numbers(database, lease.thread_id) == [1, 2, 3, 4]


async def test_an_event_that_was_rolled_back_leaves_no_gap(database, lease):
    async with database.pool.connection() as connection, connection.transaction(force_rollback=True):
        await add_events(connection, lease.thread_id, [EVENT])

    await record_event(database.pool, lease, "epic_taken", {})

    assert await _numbers(database, lease.thread_id) == [1, 2]


async def test_a_reader_beside_many_writers_never_sees_a_number_before_the_ones_below_it(database, lease):
    async def write(part: int) -> None:
        for _ in range(10):
            await (_event(database, lease) if part % 2 else queue_epic(database.pool, lease.thread_id, auto_approve=None, by="ann"))

    writing = asyncio.gather(*(write(part) for part in range(6)))
    seen = []
    while not writing.done():
        seen.append(await _numbers(database, lease.thread_id))
    await writing

    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in seen)
    assert len({len(numbers) for numbers in seen}) > 5
    assert await _numbers(database, lease.thread_id) == list(range(1, 62))
