"""A hint is enqueued in the transaction of its deed, holds no lock, and nothing depends on what becomes of it (rule 10)."""

from __future__ import annotations

import pytest

from db.commands import ask_cancel
from db.epics import insert_epic, postpone_epic, queue_epic
from db.jobs import forget_hints, hint, tidy_jobs
from db.leases import release_lease
from epics.approvals import Decision
from tests.integration.durability.writing import COMMIT, rows

pytestmark = pytest.mark.postgres

JOBS = "SELECT args ->> 'epic_id' AS epic, status::text, lock, queueing_lock, scheduled_at FROM procrastinate_jobs ORDER BY id"
DROP = "DELETE FROM procrastinate_jobs"


class Undone(Exception):
    """What undoes a transaction."""


async def _hinted(pool):
    return [row["epic"] for row in await rows(pool, JOBS)]


async def _without_hints(pool):
    async with pool.connection() as connection:
        await connection.execute(DROP)


async def test_each_deed_leaves_a_hint_without_locks(database, new_epic):
    epic = await new_epic()
    (job,) = await rows(database.pool, JOBS)
    assert job == {"epic": epic, "status": "todo", "lock": None, "queueing_lock": None, "scheduled_at": None}

    await queue_epic(database.pool, epic, auto_approve=None, by="ann")
    await ask_cancel(database.pool, epic, {"by": "ann", "reason": ""})

    assert await _hinted(database.pool) == [epic] * 3


async def test_a_decision_leaves_a_hint(begin):
    epic = await begin()
    await epic.engine.advance(epic.id)
    await _without_hints(epic.engine._pool)

    await epic.engine.decide(epic.id, Decision.model_validate({"choice": "approve", "by": "ann", "channel": "test"}))

    assert await _hinted(epic.engine._pool) == [epic.id]


async def test_a_deed_that_is_rolled_back_leaves_no_hint(database, new_epic):
    await new_epic()
    await _without_hints(database.pool)
    values = {"id": "e-0000000009", "goal": "g", "repo": "/r", "base": "main", "base_commit": COMMIT, "budget_usd": None}
    values |= {"executor": None, "model": None, "autonomy": "auto", "auto_approve": False, "graph_version": 1}

    async def refuse(_connection, _epic):
        raise Undone

    with pytest.raises(Undone):
        await insert_epic(database.pool, values, within=refuse)
    assert await _hinted(database.pool) == []


async def test_two_hints_of_one_epic_hinder_nobody(database, new_epic):
    epic = await new_epic()
    async with database.pool.connection() as one, one.transaction():
        await hint(one, epic)
        async with database.pool.connection() as other, other.transaction():
            await hint(other, epic)

    assert await _hinted(database.pool) == [epic] * 3


async def test_a_lease_that_is_handed_over_leaves_a_hint_with_its_release(database, lease):
    await _without_hints(database.pool)
    await release_lease(database.pool, lease)
    assert await _hinted(database.pool) == []

    await release_lease(database.pool, lease, hand_over=True)

    assert await _hinted(database.pool) == [lease.thread_id]


async def test_an_epic_that_is_put_off_leaves_a_hint_for_later(database, lease):
    await _without_hints(database.pool)

    await postpone_epic(database.pool, lease, "no model answers", seconds=60, retries=1)

    ((epic, due),) = [(row["epic"], row["scheduled_at"]) for row in await rows(database.pool, JOBS)]
    assert (epic, due) == (lease.thread_id, (await rows(database.pool, "SELECT retry_at FROM epics"))[0]["retry_at"])


async def test_jobs_that_are_over_or_whose_worker_is_gone_are_deleted(database, new_epic):
    for _ in range(4):
        await new_epic()
    async with database.pool.connection() as connection:
        await connection.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
        await connection.execute("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE args ->> 'epic_id' = 'e-0000000001'")
        await connection.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE args ->> 'epic_id' = 'e-0000000002'")
        await connection.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers) "
            "WHERE args ->> 'epic_id' = 'e-0000000003'"
        )

    await tidy_jobs(database.pool)

    assert await _hinted(database.pool) == ["e-0000000003", "e-0000000004"]
    await forget_hints(database.pool, "e-0000000004")
    assert await _hinted(database.pool) == ["e-0000000003"]
