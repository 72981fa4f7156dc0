"""Races: what each attempt may cost, how it is scored, and which is the best."""

from __future__ import annotations

from decimal import Decimal

import pytest

from epics.races import MOST, Score, Size, explained, guidance_for, ranked, score_of, share_of
from epics.state import EpicState
from epics.steps import Step
from epics.verdicts import Finding, Review, Severity, TestReport

GOOD = Score(
    passed=True,
    tests="passed",
    reviewed=True,
    open_findings=0,
    remarks=0,
    fix_rounds=0,
    cost_usd="1.00",
    size=Size(files=1, insertions=10, deletions=0),
    rests="tested and reviewed",
)
PASSED = TestReport(command="make test", source="genie.toml", passed=True)
REVIEWED = Review(verdict="passed", summary="Good.")
MINOR = Finding(id="F1", severity=Severity.MINOR, file="a.py", what="A typo.", why="It reads badly.")
MAJOR = MINOR.model_copy(update={"severity": Severity.MAJOR})


def test_no_two_attempts_are_told_the_same():
    assert len({guidance_for(k, MOST).partition(":")[2] for k in range(1, MOST + 1)}) == MOST


@pytest.mark.parametrize(
    "limit, spent, n, share",
    [
        (None, "3", 2, None),
        ("10", "1", 3, "3.000000000"),
        ("10", "0", 3, "3.333333333"),
        ("1", "2", 2, "0E-9"),
    ],
)
def test_the_shares_are_never_more_than_what_is_left(limit, spent, n, share):
    got = share_of(Decimal(limit) if limit else None, Decimal(spent), n)

    assert got == (None if share is None else Decimal(share))
    assert got is None or got * n <= max(Decimal(limit) - Decimal(spent), Decimal(0))


@pytest.mark.parametrize(
    "worse",
    [
        {"passed": False},
        {"tests": "none"},
        {"reviewed": False},
        {"open_findings": 1},
        {"remarks": 1},
        {"fix_rounds": 1},
        {"cost_usd": "1.01"},
        {"size": Size(files=1, insertions=10, deletions=1)},
        {"size": None},
    ],
    ids=lambda worse: next(iter(worse)),
)
def test_each_thing_that_counts_makes_an_attempt_worse(worse):
    assert ranked([(1, GOOD.model_copy(update=worse)), (2, GOOD)]) == (2, 1)


def test_what_counts_more_outweighs_all_that_counts_less():
    costly = GOOD.model_copy(update={"cost_usd": "9", "size": Size(files=9, insertions=900, deletions=9)})
    cheap = GOOD.model_copy(update={"fix_rounds": 1, "cost_usd": "0.01", "size": Size(files=1, insertions=1, deletions=0)})

    assert ranked([(1, cheap), (2, costly), (3, GOOD)]) == (3, 2, 1)


def test_of_equals_the_first_is_the_best():
    assert ranked([(3, GOOD), (2, GOOD)]) == (2, 3)


@pytest.mark.parametrize(
    "update, passed, tests",
    [
        ({}, True, "passed"),
        ({"tests": PASSED.model_copy(update={"command": None})}, True, "none"),
        ({"review": Review(verdict="passed", summary="Good.", findings=(MINOR,))}, True, "passed"),
        ({"review": Review(verdict="findings", summary="Bad.", findings=(MAJOR,))}, False, "passed"),
        ({"tests": PASSED.model_copy(update={"passed": False})}, False, "failed"),
        ({"tests": None, "review": None, "step": Step.TEST}, False, "not run"),
        ({"step": Step.FAILURE_GATE}, False, "passed"),
    ],
)
def test_only_work_that_is_tested_and_reviewed_and_could_go_on_has_passed(update, passed, tests):
    state = EpicState(step=Step.DOCUMENT, tests=PASSED, review=REVIEWED, rounds={"fix": 2}).model_copy(update=update)

    score = score_of(state, cost_usd=Decimal("0.5"), size=None, rests="somewhere")

    assert (score.passed, score.tests, score.fix_rounds, score.cost_usd) == (passed, tests, 2, "0.5")


def test_a_score_is_explained_in_the_order_in_which_it_counts():
    score = GOOD.model_copy(update={"remarks": 2, "open_findings": 1, "fix_rounds": 3})

    assert explained(score) == (
        "tests: passed",
        "review: 1 of 2 findings open",
        "rounds of fixing: 3",
        "cost: $1.00",
        "size: 1 files, +10 -0",
    )
