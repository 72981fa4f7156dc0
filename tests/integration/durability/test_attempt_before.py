"""Which attempt bounds the tools of the next one, and what lifts the bound."""

from __future__ import annotations

from typing import Any

import pytest

from db.analyses import attempt_before
from db.attempts import end_attempt, open_attempt
from tests.integration.durability.writing import ATTEMPT

pytestmark = pytest.mark.postgres

PLANNED = ("planning", 1, "done")
FAILED = ("implement", 2, "failed")
ANALYSED = ("time_machine", 3, "done")
RESULT = {"ended_by": "done", "output": {"without_tools": ["run_command"]}}


@pytest.fixture
def line(database, lease):
    """Gives an epic a line of moments (step, attempt, outcome), each the child of the one before or of the one that is named."""

    async def make(*moments: tuple[Any, ...]) -> dict[str, Any]:
        for n, step in ((1, "planning"), (2, "implement"), (3, "time_machine"), (4, "implement")):
            values = {**ATTEMPT, "n": n, "task": f"task-{n}", "step": step, "configuration": {"tools": [f"tool-{n}"]}}
            await open_attempt(database.pool, lease, values)
            await end_attempt(database.pool, lease, n, RESULT, {})
        insert = (
            b"INSERT INTO moments (epic_id, n, checkpoint_id, step, attempt, outcome, commit, cost_usd, parent)"
            b" VALUES (%s, %s, %s, %s, %s, %s, 'c', 0, %s)"
        )
        async with database.pool.connection() as connection:
            for n, (step, attempt, outcome, *parent) in enumerate(moments, 1):
                before = parent[0] if parent else n - 1 or None
                await connection.execute(insert, [lease.thread_id, n, f"c-{n}", step, attempt, outcome, before])
            await connection.execute(b"UPDATE epics SET moment = %s WHERE id = %s", [len(moments), lease.thread_id])
        return await attempt_before(database.pool, lease.thread_id, "implement") or {}

    return make


async def test_it_is_the_last_one_of_the_same_step_and_the_analysis_just_made_takes_away(line):
    before = await line(PLANNED, FAILED, ANALYSED)

    assert (before["attempt"], before["configuration"]) == (2, {"tools": ["tool-2"]})
    assert (before["without_tools"], before["person"]) == (["run_command"], False)


async def test_an_analysis_of_long_ago_takes_nothing_away(line):
    before = await line(PLANNED, FAILED, ANALYSED, ("architect", None, "done"))

    assert (before["attempt"], before["without_tools"]) == (2, [])


async def test_a_step_that_was_never_made_is_bound_by_nothing(line):
    before = await line(PLANNED)

    assert (before["attempt"], before["configuration"], before["person"]) == (None, None, False)


@pytest.mark.parametrize(
    "deed",
    [("failure_gate", None, "decided"), ("implement", None, "rolled_back"), ("implement", None, "forked")],
    ids=["failure_gate", "rollback", "fork"],
)
async def test_what_a_person_decided_after_a_failure_lifts_the_bound(line, deed):
    before = await line(PLANNED, FAILED, ANALYSED, deed)

    assert (before["attempt"], before["person"], before["without_tools"]) == (2, True, [])


@pytest.mark.parametrize("gate", ["plan_gate", "merge_gate", "budget_gate"])
async def test_a_decision_about_something_else_lifts_nothing(line, gate):
    before = await line(PLANNED, FAILED, (gate, None, "decided"))

    assert (before["attempt"], before["person"]) == (2, False)


async def test_an_attempt_on_a_line_that_was_left_is_not_the_one_before(line):
    before = await line(PLANNED, FAILED, ANALYSED, ("implement", 4, "failed"), ("implement", None, "rolled_back", 2))

    assert (before["attempt"], before["person"]) == (2, True)


async def test_a_decision_before_the_last_attempt_lifts_nothing_any_more(line):
    before = await line(PLANNED, FAILED, ANALYSED, ("failure_gate", None, "decided"), ("implement", 4, "failed"))

    assert (before["attempt"], before["person"]) == (4, False)


@pytest.mark.parametrize("events, person", [(["epic_paused", "epic_resumed"], True), (["epic_resumed"], False), (["epic_paused"], False)])
async def test_a_resume_lifts_the_bound_where_the_epic_was_parked(line, database, lease, events, person):
    from db.epics import record_event

    await line(PLANNED, FAILED, ANALYSED)
    for kind in events:
        await record_event(database.pool, lease, kind, {})

    before = await attempt_before(database.pool, lease.thread_id, "implement") or {}

    assert before["person"] is person
