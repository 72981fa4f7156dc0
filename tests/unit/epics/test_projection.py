"""The rows that a checkpoint makes true."""

from __future__ import annotations

from typing import Any

import pytest

from epics.approvals import OPTIONS
from epics.projection import content_hash, project
from epics.state import BudgetStop, Ended, EpicState, StepRecord
from epics.steps import AGENT_STEPS, GATES, Step
from epics.verdicts import Design, FailureAnalysis, FailureType, Plan, PullRequest

PLAN = Plan(summary="Greet.", tasks=("greet",), acceptance_criteria=("it greets",))
DESIGN = Design(summary="One function.", title="A function", decision="Write it.", adr_path="docs/decisions/0001-a-function.md")
PULL = PullRequest(
    title="Greet", body="It greets.", base="main", base_commit="b", head="h", branch="genie/x", files=2, insertions=10, deletions=3
)
FAILURE = FailureAnalysis(type=FailureType.TIMEOUT, point="implement, attempt 3", cause="slow", evidence="seen", prevention="hurry")
STOP = BudgetStop(step=Step.IMPLEMENT, scope="epic", limit_usd="1.50", spent_usd="1.48", needed_usd="0.0567", resume_attempt=3)
WHOLE = {"plan": PLAN, "design": DESIGN, "pull_request": PULL, "failure": FAILURE, "budget": STOP, "base": "b", "head": "h"}
#: From which step each gate is come to.
BEFORE = {
    Step.PLAN_GATE: Step.ARCHITECT,
    Step.MERGE_GATE: Step.PR,
    Step.FAILURE_GATE: Step.TIME_MACHINE,
    Step.BUDGET_GATE: Step.IMPLEMENT,
}


def state(step: Step, last: Step, outcome: str = "done", **more: object) -> EpicState:
    record = StepRecord.model_validate({"step": last, "outcome": outcome, "attempt": 3, "branch": "genie/x", "tree": "t", "note": "so"})
    return EpicState.model_validate({**WHOLE, "step": step, "last": record, **more})


def rows(given: EpicState, *, checkpoint: str = "c1", finished: bool = True) -> dict:
    return project("e-1", checkpoint, given, finished=finished)


def at(gate: Step, **more: Any) -> EpicState:
    return state(gate, BEFORE[gate], **more)


@pytest.mark.parametrize("step", Step)
def test_the_same_checkpoint_gives_the_same_rows(step):
    assert rows(state(step, Step.PLANNING)) == rows(state(step, Step.PLANNING))


@pytest.mark.parametrize("gate", sorted(GATES))
def test_arriving_at_a_gate_opens_its_approval(gate):
    made = rows(at(gate))

    assert made["status"] == "waiting"
    assert made["approval"]["gate"] == gate
    assert made["approval"]["options"] == list(OPTIONS[gate])
    assert made["approval"]["content_hash"] == content_hash(at(gate))
    assert made["events"][-1]["type"] == "approval_opened"
    assert made["events"][-1]["data"]["question"] == made["approval"]["question"]


@pytest.mark.parametrize("gate", sorted(GATES))
def test_each_arrival_opens_an_approval_of_its_own(gate):
    assert rows(at(gate))["approval"]["id"] != rows(at(gate), checkpoint="c2")["approval"]["id"]


@pytest.mark.parametrize(
    "gate, question, summary",
    [
        (Step.PLAN_GATE, "Shall this plan be carried out?", "Greet.\n\nOne function."),
        (Step.MERGE_GATE, "Shall this be merged to main?", "Greet (2 files, +10 -3)\n\nIt greets."),
        (
            Step.FAILURE_GATE,
            "The epic failed at implement, attempt 3 (timeout). What now?",
            "Cause: slow\nEvidence: seen\nPrevention: hurry",
        ),
        (
            Step.BUDGET_GATE,
            "The epic's limit of $1.50 leaves no room for the next call of implement. Raise it?",
            (
                "$1.48 of $1.50 is spent or reserved, and the next call needs up to $0.057: a raise of at least $0.037 lets it be made. "
                "The work done so far is kept, and goes on from there."
            ),
        ),
    ],
)
def test_a_gate_asks_its_question(gate, question, summary):
    approval = rows(at(gate))["approval"]

    assert (approval["question"], approval["summary"]) == (question, summary)


def test_a_notice_stands_before_the_summary():
    assert rows(at(Step.MERGE_GATE, notice="It was not merged."))["approval"]["summary"].startswith("It was not merged.\n\nGreet")


def test_the_scope_of_the_limit_goes_with_the_budget_gate_only():
    assert rows(at(Step.BUDGET_GATE))["approval"]["scope"] == "epic"
    assert rows(at(Step.MERGE_GATE))["approval"]["scope"] == ""


@pytest.mark.parametrize(
    "gate, changed",
    [
        (Step.PLAN_GATE, {"plan": PLAN.model_copy(update={"summary": "Greet twice."})}),
        (Step.PLAN_GATE, {"design": DESIGN.model_copy(update={"decision": "Write two."})}),
        (Step.MERGE_GATE, {"base": "b2"}),
        (Step.MERGE_GATE, {"head": "h2"}),
        (Step.FAILURE_GATE, {"failure": FAILURE.model_copy(update={"cause": "other"})}),
        (Step.FAILURE_GATE, {"head": "h2"}),
        (Step.BUDGET_GATE, {"budget": STOP.model_copy(update={"limit_usd": "2.50"})}),
    ],
)
def test_the_content_hash_changes_with_what_is_asked(gate, changed):
    assert content_hash(at(gate)) != content_hash(at(gate, **changed))


@pytest.mark.parametrize("gate", sorted(GATES))
def test_the_content_hash_does_not_change_with_the_way_to_the_gate(gate):
    assert content_hash(at(gate)) == content_hash(at(gate, notice="n", rounds={"fix": 2}, branch="genie/y"))


def test_gates_of_the_same_content_have_different_hashes():
    assert len({content_hash(at(gate)) for gate in GATES}) == len(GATES)


@pytest.mark.parametrize("ended", Ended)
def test_an_ended_epic_has_its_end_as_status_and_opens_nothing(ended):
    made = rows(state(Step.MERGE_GATE, Step.MERGE_GATE, "decided", ended=ended))

    assert made["status"] == ended
    assert made["approval"] is None
    assert made["leaves_gate"]
    assert made["events"][-1] == {"type": "epic_ended", "data": {"status": ended, "why": "so", "commit": "h"}}
    assert made["events"][0]["data"]["next"] == ended


@pytest.mark.parametrize("step", sorted(AGENT_STEPS))
def test_a_step_of_an_agent_is_queued_and_opens_nothing(step):
    made = rows(state(step, Step.PLANNING))

    assert made["status"] == "queued"
    assert made["approval"] is None
    assert not made["leaves_gate"]


def test_a_finished_step_is_a_moment_and_an_event():
    made = rows(state(Step.TEST, Step.IMPLEMENT))

    assert made["moment"] == {
        "step": "implement",
        "outcome": "done",
        "workflow": None,
        "attempt": 3,
        "branch": "genie/x",
        "tree": "t",
        "note": "so",
        "commit": "h",
        "back_to": None,
        "parent": None,
    }
    assert made["events"] == [
        {"type": "step_finished", "data": {"step": "implement", "outcome": "done", "next": "test", "attempt": 3, "note": "so"}}
    ]


@pytest.mark.parametrize("step", [Step.PLANNING, Step.PLAN_GATE])
def test_the_input_alone_is_no_moment(step):
    made = rows(state(step, Step.ARCHITECT), finished=False)

    assert made["moment"] is None
    assert made["approval"] is None
    assert made["events"] == []


@pytest.mark.parametrize("gate", sorted(GATES))
def test_a_decided_gate_is_left(gate):
    assert rows(state(Step.IMPLEMENT, gate, "decided"))["leaves_gate"]


def test_an_analysis_is_a_row_and_an_event_of_its_own():
    made = rows(state(Step.IMPLEMENT, Step.TIME_MACHINE))

    assert made["analysis"]["cause"] == "slow"
    assert made["events"][1] == {
        "type": "failure_analysed",
        "data": {"type": "timeout", "cause": "slow", "prevention": "hurry", "by": "rules", "next": "implement"},
    }


def test_a_cancel_at_the_time_machine_tells_no_analysis_a_second_time():
    made = rows(state(Step.TIME_MACHINE, Step.TIME_MACHINE, "cancelled", ended=Ended.CANCELLED))

    assert made["analysis"] is None
    assert [event["type"] for event in made["events"]] == ["step_finished", "epic_ended"]


def test_the_failure_stays_with_the_epic_while_the_state_has_it():
    assert rows(state(Step.IMPLEMENT, Step.TIME_MACHINE))["failure"]["type"] == "timeout"
    assert rows(state(Step.TEST, Step.IMPLEMENT, failure=None))["failure"] is None


@pytest.mark.parametrize("last, outcome, told", [(Step.PR, "done", True), (Step.PR, "failed", False), (Step.MERGE, "done", False)])
def test_a_pull_request_is_recorded_by_the_step_that_made_it(last, outcome, told):
    assert (rows(state(Step.MERGE_GATE, last, outcome))["pull_request"] is not None) is told
