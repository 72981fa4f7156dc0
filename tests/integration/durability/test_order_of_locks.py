"""Those who write one epic at once take its rows in one order, so that none of them is ended for the sake of another."""

from __future__ import annotations

import asyncio

import pytest

from db.commands import ask_cancel
from db.epics import queue_epic
from db.fence import add_events, fenced
from db.sayings import keep_saying
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


async def test_a_deed_that_waits_for_an_epic_holds_up_no_deed_at_another(database, lease, new_epic):
    # The end of the audit is locked last: whoever waits for the row of an epic does not have it.
    pool, other = database.pool, await new_epic()
    async with fenced(pool, lease) as connection:
        waiting = asyncio.create_task(queue_epic(pool, lease.thread_id, auto_approve=None, by="ann", hinted=False))
        await until_waiting(pool, 1)
        async with asyncio.timeout(5):
            await queue_epic(pool, other, auto_approve=None, by="bob", hinted=False)
        await add_events(connection, lease.thread_id, [{"type": "step_finished", "data": {}}])
    await waiting

    told = await rows(pool, "SELECT subject FROM audit WHERE deed = 'resume' ORDER BY n")
    assert [row["subject"] for row in told] == [other, lease.thread_id]


async def test_deeds_crosswise_at_the_same_epics_end_without_a_deadlock(database, new_epic):
    pool, epics = database.pool, [await new_epic() for _ in range(3)]
    deeds = [
        deed
        for epic in epics
        for deed in (
            queue_epic(pool, epic, auto_approve=None, by="ann"),
            keep_saying(pool, epic, text="Be brief.", by="bob", channel="cli"),
            ask_cancel(pool, epic, {"by": "cid", "reason": ""}),
            queue_epic(pool, epic, auto_approve=True, by="dan"),
        )
    ]

    async with asyncio.timeout(30):
        await asyncio.gather(*deeds)

    (told,) = await rows(pool, "SELECT count(*) AS n, max(n) AS last FROM audit")
    assert told == {"n": len(epics) + len(deeds), "last": len(epics) + len(deeds)}
