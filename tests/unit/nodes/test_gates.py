"""Each gate: it waits, and each choice leads where the table says."""

from __future__ import annotations

import pytest

from epics.approvals import Choice
from epics.going_back import resume_step
from epics.state import BudgetStop, Ended, EpicState, StepRecord, Trouble
from epics.steps import Step
from epics.verdicts import FailureAnalysis, FailureType, Plan
from tests.fakes.ports import decided, said

PLAN = Plan(summary="Greet.", tasks=("greet",), acceptance_criteria=("it greets",))
ANALYSIS = FailureAnalysis(type=FailureType.TIMEOUT, point="fix, attempt 9", cause="slow", evidence="e", prevention="p")
STOP = BudgetStop(step=Step.TEST, scope="attempt", limit_usd="1", spent_usd="1", resume_attempt=4)


def at(gate: Step, **more: object) -> EpicState:
    return EpicState.model_validate({"step": gate, "base": "base", "head": "head", "branch": "genie/b", **more})


def failing(step: Step = Step.DOCUMENT, **more: object) -> EpicState:
    trouble = Trouble(step=step, attempt=9, ended_by="timeout")
    values = {"trouble": trouble, "failure": ANALYSIS, "failures": {step: 3, Step.TEST: 1}, "rounds": {Step.FIX: 3}}
    return at(Step.FAILURE_GATE, **values, **more)


def answer(choice: Choice, back: EpicState | None = None, **more: object) -> dict[str, object]:
    return {"decision": said(choice, **more), "back": back.model_dump(mode="json") if back else None}


@pytest.mark.parametrize(
    "gate, choice, more, step, ended",
    [
        (Step.PLAN_GATE, Choice.APPROVE, {}, Step.IMPLEMENT, None),
        (Step.PLAN_GATE, Choice.CHANGES, {"comment": "blue"}, Step.ARCHITECT, None),
        (Step.PLAN_GATE, Choice.REJECT, {}, Step.PLAN_GATE, Ended.REJECTED),
        (Step.MERGE_GATE, Choice.APPROVE, {}, Step.MERGE, None),
        (Step.MERGE_GATE, Choice.CHANGES, {"comment": "blue"}, Step.FIX, None),
        (Step.MERGE_GATE, Choice.REJECT, {}, Step.MERGE_GATE, Ended.REJECTED),
        (Step.BUDGET_GATE, Choice.RAISE, {"amount_usd": "1"}, Step.TEST, None),
        (Step.BUDGET_GATE, Choice.ABANDON, {}, Step.BUDGET_GATE, Ended.FAILED),
    ],
)
async def test_a_choice_leads_where_the_table_says(gate, choice, more, step, ended):
    after = await decided(gate, at(gate, budget=STOP), said(choice, **more))

    assert (after.step, after.ended) == (step, ended)
    assert after.last is not None
    assert (after.last.step, after.last.outcome) == (gate, "decided")
    assert after.last.note == f"{choice} by ann (cli)" + (": blue" if "comment" in more else "")


async def test_an_approved_plan_is_where_implementing_begins():
    after = await decided(Step.PLAN_GATE, at(Step.PLAN_GATE, comments=("blue",)), said(Choice.APPROVE, comment="mind the tests"))

    assert (after.starts, after.start_bases) == ({Step.IMPLEMENT: "head"}, {Step.IMPLEMENT: "base"})
    assert after.guidance == ("mind the tests",)
    assert after.comments == ()


async def test_changes_to_a_plan_are_counted_and_kept_word_for_word():
    state = at(Step.PLAN_GATE, comments=("first",), rounds={Step.ARCHITECT: 1})

    after = await decided(Step.PLAN_GATE, state, said(Choice.CHANGES, comment=" second,\n  indented"))

    assert after.comments == ("first", " second,\n  indented")
    assert after.rounds == {Step.ARCHITECT: 2}


async def test_changes_at_the_merge_gate_begin_the_rounds_of_fixing_again():
    state = at(Step.MERGE_GATE, rounds={Step.FIX: 3, Step.ARCHITECT: 1}, notice="look")

    after = await decided(Step.MERGE_GATE, state, said(Choice.CHANGES, comment="blue"))

    assert after.rounds == {Step.FIX: 0, Step.ARCHITECT: 1}
    assert (after.comments, after.notice) == (("blue",), "")


async def test_a_raised_attempt_limit_is_kept_and_added_up():
    once = await decided(Step.BUDGET_GATE, at(Step.BUDGET_GATE, budget=STOP), said(Choice.RAISE, amount_usd="0.50"))
    twice = await decided(Step.BUDGET_GATE, once.model_copy(update={"step": Step.BUDGET_GATE}), said(Choice.RAISE, amount_usd="0.00000001"))

    assert once.raises == {Step.TEST: "0.50"}
    assert twice.raises == {Step.TEST: "0.50000001"}
    assert twice.budget == STOP


@pytest.mark.parametrize("scope", ["epic", "project"])
async def test_a_raised_epic_or_project_limit_is_not_the_business_of_the_state(scope):
    stop = STOP.model_copy(update={"scope": scope})

    after = await decided(Step.BUDGET_GATE, at(Step.BUDGET_GATE, budget=stop), said(Choice.RAISE, amount_usd="5"))

    assert after.raises == {}
    assert after.budget == stop


async def test_a_retry_holds_the_guidance_verbatim_and_begins_all_counts_again():
    words = "Use `strict=False`.\n\n  And ~~~ {{ x }}"

    after = await decided(Step.FAILURE_GATE, failing(guidance=("earlier",)), answer(Choice.RETRY, comment=words))

    assert after.step is Step.DOCUMENT
    assert after.guidance == ("earlier", words)
    assert after.failure == ANALYSIS
    assert (after.failures, after.rounds, after.trouble) == ({}, {}, None)
    assert after.head == "head"


async def test_a_retry_of_tests_that_never_passed_begins_at_implement():
    analysis = ANALYSIS.model_copy(update={"type": FailureType.TESTS_FAILING})
    starts = {"starts": {Step.IMPLEMENT: "designed"}, "start_bases": {Step.IMPLEMENT: "old base"}}
    state = failing(Step.TEST, **starts).model_copy(update={"failure": analysis})

    after = await decided(Step.FAILURE_GATE, state, answer(Choice.RETRY))

    assert (after.step, after.head, after.base) == (Step.IMPLEMENT, "designed", "old base")
    assert (after.tests, after.review, after.pull_request) == (None, None, None)


async def test_an_abandoned_epic_has_failed():
    after = await decided(Step.FAILURE_GATE, failing(), answer(Choice.ABANDON, comment="never mind"))

    assert after.ended is Ended.FAILED
    assert after.failure == ANALYSIS


async def test_a_rollback_restores_the_work_and_nothing_that_counts():
    back = EpicState(
        step=Step.TEST, base="base0", head="then", branch="genie/then", plan=PLAN, starts={Step.TEST: "then"},
        failures={"implement": 1}, rounds={Step.FIX: 1}, guidance=("old",), raises={"fix": "9"}, notice="old",
    )  # fmt: skip
    state = failing(guidance=("new",), raises={"test": "1"}, conflicts=("a.py",), budget=STOP)

    after = await decided(Step.FAILURE_GATE, state, answer(Choice.ROLLBACK, back, to=4, comment="from there"))

    assert (after.step, after.base, after.head, after.branch, after.plan) == (Step.TEST, "base0", "then", "genie/then", PLAN)
    assert (after.starts, after.conflicts, after.budget, after.trouble) == ({Step.TEST: "then"}, (), None, None)
    assert (after.failures, after.rounds, after.raises) == ({}, {}, {"test": "1"})
    assert after.guidance == ("new", "from there")
    assert after.failure == ANALYSIS
    assert after.last is not None
    assert after.last.branch == "genie/then"


@pytest.mark.parametrize(
    "state, step",
    [
        (EpicState(step=Step.REVIEW), Step.REVIEW),
        (EpicState(step=Step.PLAN_GATE), Step.ARCHITECT),
        (EpicState(step=Step.MERGE_GATE), Step.PR),
        (EpicState(step=Step.MERGE), Step.PR),
        (EpicState(step=Step.BUDGET_GATE, budget=STOP), Step.TEST),
        (EpicState(step=Step.TIME_MACHINE, trouble=Trouble(step=Step.FIX, ended_by="turns")), Step.FIX),
        (EpicState(step=Step.FAILURE_GATE, trouble=Trouble(step=Step.FIX, ended_by="turns")), Step.FIX),
    ],
)
def test_a_rollback_goes_on_with_the_step_that_came_next(state, step):
    assert resume_step(state) is step


def test_a_decision_that_is_long_leaves_a_short_note():
    assert len(StepRecord(step=Step.MERGE_GATE, outcome="decided", note="x" * 2_000).note) == 2_000


@pytest.mark.parametrize("gate", [Step.PLAN_GATE, Step.MERGE_GATE])
async def test_a_comment_of_any_length_is_kept_whole_and_noted_in_short(gate):
    after = await decided(gate, at(gate), said(Choice.CHANGES, comment="y" * 20_000))

    assert after.comments == ("y" * 20_000,)
    assert after.last is not None
    assert len(after.last.note) == 2_000
