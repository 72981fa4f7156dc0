"""An analysis is stored once for each attempt, whatever is killed, gone back from, or done again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from db.attempts import next_attempt_number, open_attempt
from db.leases import Lease
from engine.running import Running
from engine.time_machine.lessons import EpicLessons
from epics.lessons import Lesson
from epics.steps import Step
from nodes.context import Need
from tests.integration.durability.writing import ATTEMPT, break_once, broke, rows

pytestmark = pytest.mark.postgres

ANALYSIS = '{"type": "timeout", "point": "implement, attempt 3", "cause": "%s", "evidence": "e", "prevention": "p"}'
LESSON = Lesson(
    epic="e-0000000009", moment=1, attempt=1, step="planning", type="timeout", cause="c", prevention="p", evidence="", seen="2026-01-02"
)


async def test_a_kill_between_the_analysis_and_its_checkpoint_leaves_one(begin, story):
    late = [{"run": ["true"]}, {"fail": "timeout"}]
    fails = {"workflow": "implement", "when_brief_contains": "This is attempt 3 ", "turns": late}
    epic = await begin(story(fails), auto_approve=True)
    await break_once(epic.engine._pool, "analyses", "true")

    view = await epic.engine.advance(epic.id)

    assert await broke(epic.engine._pool, "analyses")
    assert (view.status, view.problem) == ("merged", None)
    stored = await epic.rows("SELECT attempt, step, analysis ->> 'type' AS type FROM analyses WHERE epic_id = %s")
    assert stored == [{"attempt": 3, "step": "implement", "type": "timeout"}]
    analysed = [each for each in await epic.engine.attempts(epic.id) if each.workflow == "time_machine"]
    assert len(analysed) == 1


async def test_an_attempt_that_is_analysed_again_after_a_rollback_has_one_analysis_and_keeps_what_worked(database, lease: Lease):
    async with database.pool.connection() as connection:
        insert = "INSERT INTO analyses (epic_id, moment, attempt, analysis) VALUES (%s, %s, %s, %s)"
        await connection.execute(insert.encode(), [lease.thread_id, 4, 3, ANALYSIS % "first"])
        await connection.execute(b"""UPDATE analyses SET worked = '{"attempt": 5}'""")
        await connection.execute(insert.encode(), [lease.thread_id, 9, 3, ANALYSIS % "second"])
        for moment in (10, 11):
            await connection.execute(insert.encode(), [lease.thread_id, moment, None, ANALYSIS % "a cap"])

    stored = await rows(database.pool, "SELECT moment, attempt, analysis ->> 'cause' AS cause, worked FROM analyses ORDER BY moment")

    assert [(row["moment"], row["attempt"], row["cause"]) for row in stored] == [(9, 3, "second"), (10, None, "a cap"), (11, None, "a cap")]
    assert stored[0]["worked"] == {"attempt": 5}


async def test_an_attempt_that_is_there_already_is_told_what_it_was_told(database, lease: Lease):
    values: dict[str, Any] = {**ATTEMPT, "n": await next_attempt_number(database.pool, lease), "lessons": [LESSON.model_dump(mode="json")]}
    await open_attempt(database.pool, lease, values)
    facts = SimpleNamespace(id=lease.thread_id, goal="Greet")
    port = EpicLessons(cast("Running", SimpleNamespace(database=database, facts=facts, lease=lease)))

    told = await port.relevant(Need(task_id=ATTEMPT["task"], step=Step.PLANNING, paths=("**",), failure=None))

    assert told == (LESSON,)
