"""time_machine: says why it failed, and chooses where the next attempt begins."""

from __future__ import annotations

import pytest

from epics.failures import analyse
from epics.policy import RepositoryPolicy
from epics.state import EpicState, Trouble
from epics.steps import Step
from epics.verdicts import FailureType
from tests.fakes.ports import FakeAttempts, context, step

STARTS = {Step.ARCHITECT: "first", Step.IMPLEMENT: "designed", Step.TEST: "written"}
BASES = dict.fromkeys(STARTS, "old base")


def failed(at: Step = Step.IMPLEMENT, ended_by: str = "timeout", **more: object) -> EpicState:
    trouble = Trouble.model_validate({"step": at, "attempt": 4, "ended_by": ended_by, "detail": "turn 3 said: ouch"})
    values = {"step": Step.TIME_MACHINE, "base": "base", "head": "head", "branch": "genie/b", "trouble": trouble, "starts": STARTS}
    return EpicState.model_validate({**values, "start_bases": BASES, **more})


def insight(where: str) -> FakeAttempts:
    return FakeAttempts({"time_machine": [{"output": {"cause": "haste", "prevention": "read", "restart_at": where}}]})


async def test_the_next_attempt_is_made_by_itself_while_attempts_are_left():
    after = await step(Step.TIME_MACHINE, failed(), context())

    assert after.step is Step.IMPLEMENT
    assert after.failures == {Step.IMPLEMENT: 1}
    assert after.trouble is None
    assert (after.head, after.base) == ("head", "base")


async def test_a_person_is_asked_when_the_attempts_are_used_up():
    after = await step(Step.TIME_MACHINE, failed(failures={Step.IMPLEMENT: 1}), context(policy=RepositoryPolicy(attempts=2)))

    assert after.step is Step.FAILURE_GATE
    assert after.failures == {Step.IMPLEMENT: 2}
    assert after.trouble is not None


async def test_each_step_has_attempts_of_its_own():
    after = await step(Step.TIME_MACHINE, failed(failures={Step.TEST: 2, Step.FIX: 2}), context())

    assert after.step is Step.IMPLEMENT


async def test_autonomy_ask_asks_at_every_failure():
    after = await step(Step.TIME_MACHINE, failed(), context(autonomy="ask"))

    assert after.step is Step.FAILURE_GATE


@pytest.mark.parametrize("kind", ["provider", "environment", "tool"])
async def test_what_another_attempt_would_meet_again_goes_to_a_person_and_to_no_model(kind):
    attempts = FakeAttempts()
    state = failed()
    assert state.trouble is not None
    trouble = state.trouble.model_copy(update={"ended_by": "error", "error_kind": kind})

    after = await step(Step.TIME_MACHINE, state.model_copy(update={"trouble": trouble}), context(attempts))

    assert after.step is Step.FAILURE_GATE
    assert attempts.asked == []


async def test_designs_that_were_never_approved_go_to_a_person_at_once():
    after = await step(Step.TIME_MACHINE, failed(Step.ARCHITECT, "cap"), context())

    assert after.step is Step.FAILURE_GATE
    assert after.failure is not None
    assert after.failure.type is FailureType.ARCHITECTURE_MISMATCH


async def test_the_model_is_told_the_rules_analysis_and_its_words_reach_the_next_attempt():
    attempts = insight("same")
    state = failed()
    assert state.trouble is not None

    after = await step(Step.TIME_MACHINE, state, context(attempts))

    given = attempts.asked[0].variables
    assert given["failure"] == analyse(state.trouble)
    assert given["log_tail"] == "turn 3 said: ouch"
    assert after.failure == analyse(state.trouble).model_copy(update={"cause": "haste", "prevention": "read", "by": "model"})


@pytest.mark.parametrize("ended_by", ["turns", "budget", "timeout", "error"])
async def test_without_the_model_the_rules_must_do(ended_by):
    attempts = FakeAttempts({"time_machine": [{"ended_by": ended_by}]})

    after = await step(Step.TIME_MACHINE, failed(), context(attempts))

    assert after.step is Step.IMPLEMENT
    assert after.failure is not None
    assert (after.failure.by, after.failure.type) == ("rules", FailureType.TIMEOUT)


@pytest.mark.parametrize(
    "at, where, begun, head",
    [
        (Step.FIX, "same", Step.FIX, "head"),
        (Step.FIX, "implement", Step.IMPLEMENT, "designed"),
        (Step.FIX, "architect", Step.ARCHITECT, "first"),
        (Step.IMPLEMENT, "architect", Step.ARCHITECT, "first"),
        (Step.IMPLEMENT, "implement", Step.IMPLEMENT, "head"),
        (Step.ARCHITECT, "implement", Step.ARCHITECT, "head"),
    ],
)
async def test_the_model_may_choose_an_earlier_step_and_never_a_later_one(at, where, begun, head):
    after = await step(Step.TIME_MACHINE, failed(at), context(insight(where)))

    assert (after.step, after.head) == (begun, head)
    assert after.base == ("base" if head == "head" else "old base")


async def test_a_step_where_the_epic_never_was_cannot_be_chosen():
    after = await step(Step.TIME_MACHINE, failed(Step.FIX, starts={}), context(insight("architect")))

    assert after.step is Step.FIX


async def test_tests_that_never_pass_begin_again_at_implement_without_the_verdicts_on_the_old_work():
    state = failed(Step.TEST, "cap", rounds={Step.FIX: 3}, conflicts=("a.py",))

    after = await step(Step.TIME_MACHINE, state, context(insight("same")))

    assert (after.step, after.head, after.base) == (Step.IMPLEMENT, "designed", "old base")
    assert (after.tests, after.review, after.pull_request, after.conflicts) == (None, None, None, ())
    assert after.rounds == {Step.FIX: 0}


async def test_a_failure_without_facts_is_analysed_all_the_same():
    after = await step(Step.TIME_MACHINE, failed().model_copy(update={"trouble": None}), context())

    assert after.step is Step.FAILURE_GATE
    assert after.failure is not None
    assert after.failure.evidence == "the failure left no facts"
