"""Numbers of moments and attempts are given once and never again, whatever is taken back (rule 14)."""

from __future__ import annotations

import pytest

from db.attempts import next_attempt_number
from db.saver import FencedSaver
from engine.checkpoints import project_values
from epics.steps import Step
from tests.integration.durability.writing import break_once, broke, put, rows, state_after

pytestmark = pytest.mark.postgres


async def test_a_rollback_at_the_failure_gate_takes_no_number_back(begin, story):
    careful = {"workflow": "implement", "when_brief_contains": "Carefully!", "turns": [{"write": {"greeting.txt": "hello\n"}}, _WROTE]}
    epic = await begin(story(careful, implement=[{"fail": "error", "say": "It broke."}]), autonomy="ask")
    await epic.engine.advance(epic.id)
    await epic.decide("approve")
    assert (await epic.engine.advance(epic.id)).step == "failure_gate"
    before = await epic.engine.moments(epic.id)

    await epic.decide("rollback", to=2, comment="Carefully!")
    view = await epic.engine.advance(epic.id)

    after = await epic.engine.moments(epic.id)
    attempts = await epic.engine.attempts(epic.id)
    branches = [attempt.branch for attempt in attempts if attempt.branch]
    assert view.status == "waiting"
    assert after[: len(before)] == before
    assert [moment.n for moment in after] == list(range(1, len(after) + 1))
    assert len(after) > len(before)
    assert [attempt.n for attempt in attempts] == list(range(1, len(attempts) + 1))
    assert len(set(branches)) == len(branches)
    assert {"architect", "implement"} <= {attempt.workflow for attempt in attempts}


async def test_a_number_that_was_taken_is_not_given_again_though_its_attempt_was_never_opened(begin):
    epic = await begin()
    await break_once(epic.engine._pool, "attempts", "NEW.workflow = 'architect'")

    view = await epic.engine.advance(epic.id)

    assert await broke(epic.engine._pool, "attempts")
    assert view.step == "plan_gate"
    assert [(attempt.n, attempt.workflow) for attempt in await epic.engine.attempts(epic.id)] == [(1, "planning"), (3, "architect")]


async def test_attempt_numbers_come_from_the_database_and_are_used_up_by_taking_them(database, lease):
    taken = [await next_attempt_number(database.pool, lease) for _ in range(3)]

    assert taken == [1, 2, 3]


async def test_the_moment_after_a_return_to_an_earlier_one_has_a_new_number(database, lease):
    saver = FencedSaver(database.pool, lease, project=project_values)
    for _ in range(3):
        await put(saver, lease.thread_id, state_after(Step.PLANNING, then=Step.ARCHITECT))
    async with database.pool.connection() as connection:
        await connection.execute("UPDATE epics SET moment = 1")
        await connection.execute("DELETE FROM moments WHERE n = 3")

    await put(saver, lease.thread_id, state_after(Step.PLANNING, then=Step.ARCHITECT))

    assert await rows(database.pool, "SELECT n FROM moments ORDER BY n") == [{"n": 1}, {"n": 2}, {"n": 4}]


_WROTE = {"output": {"summary": "Wrote the greeting."}}
