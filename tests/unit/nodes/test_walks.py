"""Walks through the whole graph in memory: they end or wait, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epics.approvals import Choice
from epics.policy import RepositoryPolicy
from epics.state import Ended, EpicState
from epics.steps import AGENT_STEPS, GATES, Step
from nodes.context import Assignment, Landing
from tests.fakes.ports import FAILED, FakeAttempts, FakeRepository, Walk, context

STRAIGHT = "planning architect plan_gate implement test review document pr merge_gate merge"

FINDINGS = {
    "output": {
        "verdict": "findings",
        "summary": "Look.",
        "findings": [{"id": "F1", "severity": "blocker", "file": "a.py", "what": "wrong", "why": "so"}],
    }
}
#: With a cap of two on everything: each of nine steps fails twice at most before a person is asked, each time after two rounds of fixing.
LONGEST = 250


async def test_an_epic_where_all_goes_well_is_merged():
    walk = Walk(context())

    await walk.start()
    await walk.decide(Choice.APPROVE)
    ended = await walk.decide(Choice.APPROVE)

    assert ended.ended is Ended.MERGED
    assert " ".join(walk.steps) == STRAIGHT


async def test_the_attempt_after_a_failure_is_given_its_analysis_and_the_one_after_that_is_not():
    attempts = FakeAttempts({"implement": [{"ended_by": "timeout", "error": "60 s were not enough"}]})
    walk = Walk(context(attempts))
    await walk.start()

    await walk.decide(Choice.APPROVE)

    first, second = attempts.of("implement")
    assert first.variables["failure"] is None
    assert second.variables["failure"].cause == "It was in haste."
    assert second.variables["failure"].evidence == "60 s were not enough"
    assert attempts.of("test")[0].variables["failure"] is None


async def test_a_raised_budget_goes_on_with_the_attempt_that_stopped():
    attempts = FakeAttempts({"implement": [{"ended_by": "budget", "scope": "attempt", "limit_usd": "1", "spent_usd": "0.99"}]})
    walk = Walk(context(attempts))
    await walk.start()
    stopped = await walk.decide(Choice.APPROVE)
    assert stopped.step is Step.BUDGET_GATE

    after = await walk.decide(Choice.RAISE, amount_usd="2")

    assert after.step is Step.MERGE_GATE
    first, second = attempts.of("implement")
    assert (first.continues, second.continues) == (None, 3)
    assert str(second.extra_usd) == "2"


async def test_a_base_that_moved_is_tested_and_asked_about_again():
    repository = FakeRepository(landings=[Landing(how="base_moved", commit="newer")])
    walk = Walk(context(repository=repository))
    await walk.start()
    await walk.decide(Choice.APPROVE)

    asked_again = await walk.decide(Choice.APPROVE)

    assert asked_again.step is Step.MERGE_GATE
    assert asked_again.pull_request is not None
    assert asked_again.pull_request.base_commit == "newer"
    assert " ".join(walk.steps[-6:]) == "merge_gate merge test review document pr"


async def test_what_a_person_asked_at_the_merge_gate_is_not_lost_when_the_work_is_begun_again():
    seen = {"tests": 0}

    def each(assignment: Assignment) -> dict[str, Any]:
        if assignment.workflow != "test":
            return {}
        seen["tests"] += 1
        return {"tests": FAILED} if 1 < seen["tests"] < 4 else {}

    attempts = FakeAttempts(each=each)
    walk = Walk(context(attempts, policy=RepositoryPolicy(fix_rounds=1)))
    await walk.start()
    await walk.decide(Choice.APPROVE)

    after = await walk.decide(Choice.CHANGES, comment="make it blue")

    assert after.step is Step.MERGE_GATE
    assert [asked.variables["comments"] for asked in attempts.of("implement")] == [(), ("make it blue",)]
    assert after.comments == ()


@pytest.mark.parametrize("workflow", sorted(AGENT_STEPS))
async def test_a_step_that_fails_for_ever_ends_at_the_failure_gate_after_its_attempts(workflow):
    def each(assignment: Assignment) -> dict[str, Any]:
        # Fixing and refactoring are only come to when something was found.
        found = {Step.FIX: FINDINGS, Step.REFACTOR: _structural()}.get(workflow, {})
        return {"ended_by": "timeout"} if assignment.workflow == workflow else found if assignment.workflow == "review" else {}

    attempts = FakeAttempts(each=each)
    walk = Walk(context(attempts, policy=RepositoryPolicy(attempts=2)))

    state = await _approved_on(walk, await walk.start())

    assert state.step is Step.FAILURE_GATE
    assert len(attempts.of(workflow)) == 2


@pytest.mark.parametrize(
    "each", [lambda asked: {"tests": FAILED} if asked.run_tests else {}, lambda asked: FINDINGS if asked.workflow == "review" else {}]
)
async def test_work_that_is_never_good_ends_at_the_failure_gate(each: Callable[[Assignment], dict[str, Any]]):
    attempts = FakeAttempts(each=each)
    walk = Walk(context(attempts, policy=RepositoryPolicy(attempts=2, fix_rounds=2)))

    state = await _approved_on(walk, await walk.start())

    assert state.step is Step.FAILURE_GATE
    assert len(attempts.of("implement")) == 2
    assert len(attempts.of("fix")) == 4


@settings(derandomize=True, max_examples=12, deadline=None)
@given(st.integers(min_value=0, max_value=10_000), st.sampled_from([0.3, 0.6, 0.9]))
async def test_random_endings_always_end_or_wait_within_the_caps(seed, bad):
    dice = Random(seed)
    walk = Walk(context(FakeAttempts(each=lambda asked: _anything(dice, asked, bad)), policy=RepositoryPolicy(attempts=2, fix_rounds=2)))

    state = await _approved_on(walk, await walk.start())

    assert state.ended is not None or state.step in GATES
    assert len(walk.steps) < LONGEST
    assert len(state.model_dump_json()) < 50_000


async def _approved_on(walk: Walk, state: EpicState) -> EpicState:
    """Approve every plan and merge, and raise every budget once; stop at a failure gate or at the end."""
    raised = 0
    while state.ended is None and state.step is not Step.FAILURE_GATE and raised < 5:
        if state.step is Step.BUDGET_GATE:
            raised += 1
            state = await walk.decide(Choice.RAISE, amount_usd="1")
        else:
            state = await walk.decide(Choice.APPROVE)
    return state


def _structural() -> dict[str, Any]:
    finding = {**FINDINGS["output"]["findings"][0], "structural": True}
    return {"output": {**FINDINGS["output"], "findings": [finding]}}


def _anything(dice: Random, asked: Assignment, bad: float) -> dict[str, Any]:
    if dice.random() > bad:
        return {}
    if asked.run_tests and dice.random() < 0.5:
        return {"tests": FAILED}
    if asked.workflow == "review" and dice.random() < 0.5:
        return FINDINGS if dice.random() < 0.5 else _structural()
    if asked.workflow == "time_machine":
        where = dice.choice(["same", "implement", "architect"])
        return {"output": {"cause": "c", "prevention": "p", "restart_at": where}}
    ended_by = dice.choice(["turns", "timeout", "budget", "error", "out_of_bounds"])
    kind = dice.choice(["no_output", "integration", "no_output", "provider"]) if ended_by == "error" else None
    return {"ended_by": ended_by, "error_kind": kind, "scope": "epic", "limit_usd": "1", "spent_usd": "1"}
