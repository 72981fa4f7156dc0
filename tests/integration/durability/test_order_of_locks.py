"""Those who write one epic at once take its rows in one order, so that none of them is ended for the sake of another."""

from __future__ import annotations

import asyncio

import pytest

from db.epics import queue_epic
from db.fence import add_events, fenced
from tests.integration.durability.writing import rows, until_waiting

pytestmark = pytest.mark.postgres


async def test_a_resume_beside_a_write_of_the_worker_waits_and_ends_neither(database, lease):
    pool = database.pool
    async with fenced(pool, lease) as connection:
        resuming = asyncio.create_task(queue_epic(pool, lease.thread_id, auto_approve=None, by="ann", hinted=False))
        await until_waiting(pool, 1)
        await add_events(connection, lease.thread_id, [{"type": "step_finished", "data": {}}])
    await resuming

    assert [row["type"] for row in await rows(pool, "SELECT type FROM events ORDER BY n")] == [
        "epic_queued",
        "step_finished",
        "epic_resumed",
    ]
