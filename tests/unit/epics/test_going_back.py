"""Which state an epic has after it went back."""

from __future__ import annotations

import pytest

from epics.going_back import Level, arrival, asking_again, fields_of, gone_back, resume_step, state_changes, taken_back_at_gate
from epics.state import BudgetStop, Ended, EpicState, Revert, StepRecord, Trouble
from epics.steps import TRANSITIONS, Step
from epics.verdicts import FailureAnalysis, FailureType, Plan, TestReport

PLAN = Plan(summary="Greet.", tasks=("greet",), acceptance_criteria=("it greets",))
TESTS = TestReport(command="true", source="genie.toml", passed=True, commit="new")
ANALYSIS = FailureAnalysis(type=FailureType.TIMEOUT, point="fix, attempt 9", cause="slow", evidence="e", prevention="p")


def state(step: Step, head: str, **more: object) -> EpicState:
    return EpicState.model_validate({"step": step, "base": "base", "head": head, "branch": f"genie/{head}", **more})


OLD = state(Step.IMPLEMENT, "old", plan=PLAN)
NOW = state(
    Step.MERGE_GATE,
    "new",
    plan=PLAN,
    tests=TESTS,
    guidance=("Mind the gap.",),
    raises={"fix": "2"},
    rounds={"fix": 3},
    failures={"fix": 2},
    failure=ANALYSIS,
)


@pytest.mark.parametrize("level", [Level.FULL, Level.STEP])
def test_state_and_files_go_back_and_what_people_gave_stays(level):
    gone = gone_back(NOW, OLD, level, "Try again.")

    assert (gone.step, gone.head, gone.branch, gone.tests) == (Step.IMPLEMENT, "old", "genie/old", None)
    assert (gone.guidance, gone.raises) == (("Mind the gap.", "Try again."), {"fix": "2"})
    # A person has helped, and the next attempt must still read why the last one failed.
    assert (gone.rounds, gone.failures, gone.failure) == ({}, {}, ANALYSIS)


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("ended", list(Ended))
def test_an_end_is_taken_back(level, ended):
    assert gone_back(NOW.model_copy(update={"ended": ended}), OLD, level).ended is None


def test_files_alone_go_back_and_are_tested_again():
    gone = gone_back(NOW, OLD, Level.SNAPSHOT)

    assert (gone.step, gone.head, gone.base, gone.plan) == (Step.TEST, "old", "base", PLAN)
    assert (gone.tests, gone.review, gone.pull_request) == (None, None, None)


def test_files_that_are_the_same_need_no_new_test():
    same = NOW.model_copy(update={"step": Step.DOCUMENT})

    gone = gone_back(NOW, same, Level.SNAPSHOT)

    assert (gone.step, gone.tests) == (Step.MERGE_GATE, TESTS)


def test_the_state_alone_goes_back_and_the_files_stay():
    gone = gone_back(NOW, OLD, Level.STATE)

    assert (gone.step, gone.head, gone.branch, gone.tests) == (Step.IMPLEMENT, "new", "genie/new", None)


@pytest.mark.parametrize("step", [Step.REVIEW, Step.FIX, Step.REFACTOR, Step.DOCUMENT, Step.PR, Step.MERGE_GATE, Step.MERGE])
def test_no_step_that_builds_on_a_test_of_other_files_comes_next(step):
    assert gone_back(state(step, "new"), OLD, Level.SNAPSHOT).step is Step.TEST
    assert gone_back(NOW, state(step, "old"), Level.STATE).step is Step.TEST


def test_a_limit_that_stopped_work_on_other_files_is_not_gone_on_from():
    stop = BudgetStop(step=Step.FIX, scope="attempt", limit_usd="1", spent_usd="1", resume_attempt=4)

    gone = gone_back(state(Step.BUDGET_GATE, "new", budget=stop), OLD, Level.SNAPSHOT)

    # A fix of what was found in other files is none of these.
    assert (gone.step, gone.budget) == (Step.TEST, None)
    early = stop.model_copy(update={"step": Step.IMPLEMENT})
    assert gone_back(state(Step.BUDGET_GATE, "new", budget=early), OLD, Level.SNAPSHOT).step is Step.IMPLEMENT


@pytest.mark.parametrize("gate", [Step.FAILURE_GATE, Step.TIME_MACHINE])
def test_a_step_that_failed_on_other_files_is_not_made_again_before_a_test(gate):
    failed = state(gate, "new", trouble=Trouble(step=Step.DOCUMENT, ended_by="turns"), failure=ANALYSIS, retry_at=Step.DOCUMENT)

    gone = gone_back(failed, OLD, Level.SNAPSHOT)

    assert (gone.step, gone.trouble, gone.retry_at, gone.failure) == (Step.TEST, None, None, ANALYSIS)
    early = failed.model_copy(update={"trouble": Trouble(step=Step.IMPLEMENT, ended_by="turns"), "retry_at": Step.IMPLEMENT})
    assert gone_back(early, OLD, Level.SNAPSHOT).step is gate


def test_an_approved_merge_is_asked_about_again():
    assert gone_back(NOW, state(Step.MERGE, "old"), Level.FULL).step is Step.MERGE_GATE
    assert asking_again(state(Step.MERGE, "old", ended=Ended.MERGED)).step is Step.MERGE


def test_a_revert_that_waited_is_given_up():
    revert = Revert(base="b", head="h", branch=None, pull_request=None)

    assert gone_back(NOW.model_copy(update={"revert": revert}), OLD, Level.FULL).revert is None


def test_a_failure_gate_goes_to_an_agent_step_of_the_same_state():
    failing = state(Step.FAILURE_GATE, "new", trouble=Trouble(step=Step.FIX, ended_by="timeout"), failure=ANALYSIS)
    back = state(Step.PLAN_GATE, "old", plan=PLAN)
    last = StepRecord(step=Step.FAILURE_GATE, outcome="decided")

    update = taken_back_at_gate(failing, back, last, 3, "Shorter.")

    assert (update["step"], update["head"], update["trouble"], update["guidance"]) == (Step.ARCHITECT, "old", None, ("Shorter.",))
    assert (update["last"].back_to, update["last"].parent, update["last"].branch) == (3, 3, "genie/old")
    assert resume_step(back) is Step.ARCHITECT


@pytest.mark.parametrize("step", list(Step))
def test_every_step_can_be_arrived_at(step):
    assert step in TRANSITIONS[arrival(state(step, "h"))]


@pytest.mark.parametrize("ended", list(Ended))
def test_an_end_is_arrived_at_from_a_gate_that_leads_to_it(ended):
    assert arrival(state(Step.IMPLEMENT, "h", ended=ended)) is Step.MERGE_GATE


def test_an_update_has_every_field():
    assert fields_of(NOW).keys() == EpicState.model_fields.keys()


def test_changes_are_told_field_by_field():
    changes = state_changes(OLD, OLD.model_copy(update={"head": "other", "last": StepRecord(step=Step.TEST, outcome="done")}))

    assert changes == {"head": ("old", "other")}
