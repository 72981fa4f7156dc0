"""Races: the first implement of an epic done several times side by side, each scored by the same facts, one of them picked."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, Literal

from epics.money import dollars
from epics.records import Record
from epics.state import EpicState
from epics.steps import Step
from epics.verdicts import Severity

FEWEST: Final = 2
MOST: Final = 8

ENTRY_RESTS_AT: Final = Step.DOCUMENT
"""The step that an entry does not begin: its work is tested and reviewed then, and can be compared."""

_WAYS: Final = (
    "take the most direct way that meets the plan",
    "prefer the smallest change",
    "prefer the clearest structure, even where more is changed",
    "begin with the tests, then make them pass",
    "look for what the repository has already, and build on it",
    "think of the rare cases first: bad input, limits, failure",
    "prefer the plainest code, which a newcomer can read",
    "doubt the first idea: find a second one, and take the better",
)


class Size(Record):
    """How much an entry changed."""

    files: int
    insertions: int
    deletions: int


class Score(Record):
    """What an entry came to: facts that the repository's tests, the review, git and the rows say."""

    passed: bool
    """Whether its work is tested, reviewed and could go on to its documents as it is."""
    tests: Literal["passed", "none", "failed", "not run"]
    reviewed: bool
    open_findings: int
    """Blockers and majors."""
    remarks: int
    """All findings."""
    fix_rounds: int
    cost_usd: str
    size: Size | None
    """None where the repository could not be read."""
    rests: str
    """Where it came to rest, and why there."""


def guidance_for(k: int, n: int) -> str:
    """What entry `k` of `n` is told beside the plan, so that no two of them are sent the same brief."""
    way = _WAYS[(k - 1) % len(_WAYS)]
    return f"Attempt {k} of {n}: this plan is carried out {n} times side by side, and the best work is taken. In this one, {way}."


def share_of(limit: Decimal | None, spent: Decimal, n: int) -> Decimal | None:
    """What each of `n` entries may cost, so that together they pass no limit; None where there is none."""
    if limit is None:
        return None
    left = max(limit - spent, Decimal(0))
    # Rounded down: the sum of the shares is never more than what is left.
    return (left / n).quantize(Decimal("0.000000001"), rounding="ROUND_DOWN")


def score_of(state: EpicState, *, cost_usd: Decimal, size: Size | None, rests: str) -> Score:
    """The score of an entry that has come to rest."""
    tests, review = state.tests, state.review
    ran: Literal["passed", "none", "failed", "not run"] = "not run"
    if tests is not None:
        ran = "none" if tests.command is None else "passed" if tests.passed else "failed"
    findings = review.findings if review else ()
    opened = sum(finding.severity is not Severity.MINOR for finding in findings)
    ready = state.ended is None and state.step is ENTRY_RESTS_AT
    return Score(
        passed=ready and ran != "failed" and review is not None and not opened,
        tests=ran,
        reviewed=review is not None,
        open_findings=opened,
        remarks=len(findings),
        fix_rounds=state.rounds.get(Step.FIX, 0),
        cost_usd=format(cost_usd, "f"),
        size=size,
        rests=rests,
    )


def ranked(scores: Iterable[tuple[int, Score]]) -> tuple[int, ...]:
    """The numbers of the entries, the best first: by tests, review, rounds of fixing, cost and size, in that order."""
    return tuple(k for k, _ in sorted(scores, key=lambda entry: (_merit(entry[1]), entry[0])))


def explained(score: Score) -> tuple[str, ...]:
    """A line for each thing that counts, in the order in which it counts."""
    found = f"{score.open_findings} of {score.remarks} findings open" if score.remarks else "passed without a remark"
    review = found if score.reviewed else "not made"
    size = "not known" if score.size is None else f"{score.size.files} files, +{score.size.insertions} -{score.size.deletions}"
    return (
        f"tests: {score.tests}",
        f"review: {review}",
        f"rounds of fixing: {score.fix_rounds}",
        f"cost: {dollars(score.cost_usd)}",
        f"size: {size}",
    )


_TESTS: Final = {"passed": 0, "none": 1, "not run": 2, "failed": 3}


def _merit(score: Score) -> tuple[bool, int, bool, int, int, int, Decimal, float]:
    lines = float("inf") if score.size is None else score.size.insertions + score.size.deletions
    reviewed = (not score.reviewed, score.open_findings, score.remarks)
    return (not score.passed, _TESTS[score.tests], *reviewed, score.fix_rounds, Decimal(score.cost_usd), lines)
