"""Which earlier failures are told, in which order, and how much of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.time_machine.lessons import MOST, MOST_CHARS, chosen, score_of
from epics.failures import analyse
from epics.state import Trouble
from epics.steps import Step
from nodes.context import Need

NEED = Need(task_id="t", step=Step.IMPLEMENT, paths=("src/**",), failure=None)


def row(n: int = 1, **more: Any) -> dict[str, Any]:
    analysis = {
        "type": "timeout",
        "cause": f"cause {n}",
        "prevention": "be quick",
        "evidence": f"seen {n}",
        "point": f"implement, attempt {n}",
    }
    return {
        "epic": "e-0000000001",
        "moment": n,
        "attempt": n,
        "step": "implement",
        "analysis": {**analysis, **more.pop("analysis", {})},
        "worked": None,
        "likeness": 0.0,
        "days": 0.0,
        "created_at": datetime(2026, 1, 2, tzinfo=UTC),
        "files": [],
        **more,
    }


WORKED = {
    "step": "implement",
    "attempt": 4,
    "by": 4,
    "said": "Wrote it first.",
    "changed": [{"field": "tools", "before": ["a", "b"], "after": ["a"]}],
}


@pytest.mark.parametrize(
    "more, less",
    [
        (row(), row(step="review")),
        (row(likeness=0.5), row(likeness=0.1)),
        (row(files=["src/a.py"]), row(files=["docs/a.md"])),
        (row(days=1.0), row(days=300.0)),
        (row(worked=WORKED), row()),
    ],
)
def test_what_is_nearer_to_the_work_comes_first(more, less):
    assert score_of(more, NEED) > score_of(less, NEED)


def test_a_failure_of_the_same_kind_as_the_one_at_hand_comes_first():
    failure = analyse(Trouble(step=Step.IMPLEMENT, ended_by="timeout"))
    need = Need(task_id="t", step=Step.IMPLEMENT, paths=("**",), failure=failure)

    assert score_of(row(), need) > score_of(row(analysis={"type": "scope_creep"}), need)


def test_a_plan_that_allows_everything_is_like_no_work():
    need = Need(task_id="t", step=Step.IMPLEMENT, paths=("**",), failure=None)

    assert score_of(row(files=["src/a.py"]), need) == score_of(row(), need)


def test_another_steps_failure_is_told_only_where_it_is_about_the_same_work():
    assert chosen([row(step="review")], NEED) == ()
    assert len(chosen([row(step="review", likeness=0.3)], NEED)) == 1


def test_no_more_are_told_than_a_brief_has_room_for():
    long = {"cause": "c" * 5_000, "prevention": "p" * 5_000, "evidence": "e" * 5_000}

    few = chosen([row(n) for n in range(1, 20)], NEED)
    large = chosen([row(n, analysis={**long, "evidence": f"{n} " + "e" * 5_000}) for n in range(1, 20)], NEED)

    assert len(few) == MOST
    assert 0 < sum(len(lesson.text) for lesson in large) <= MOST_CHARS


def test_a_failure_that_a_fork_met_again_is_told_once():
    again = row(1, epic="e-0000000002", moment=9)

    assert len(chosen([row(1), again, row(2)], NEED)) == 2


def test_what_the_brief_tells_anyway_is_not_told_as_a_lesson_of_the_epic_that_it_was_forked_from():
    failure = analyse(Trouble(step=Step.IMPLEMENT, ended_by="timeout", detail="seen 1"))
    need = Need(task_id="t", step=Step.IMPLEMENT, paths=("**",), failure=failure)

    assert chosen([row(analysis={"cause": failure.cause})], need) == ()


def test_what_looks_like_a_secret_is_not_told():
    said = {"cause": "The key sk-ant-abcdefghijklmnop1234 was refused.", "evidence": "Authorization: Bearer abc.def"}

    text = chosen([row(analysis=said)], NEED)[0].text

    assert "abcdefghijklmnop1234" not in text
    assert "abc.def" not in text


def test_what_worked_is_told_beside_it():
    text = chosen([row(worked=WORKED)], NEED)[0].text

    assert "What worked then (implement, attempt 4): Wrote it first." in text
    assert "Set up differently: tools: a, b → a" in text
