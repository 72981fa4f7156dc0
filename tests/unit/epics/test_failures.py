"""What the facts of a failure mean, row by row."""

from __future__ import annotations

import pytest

from epics.failures import MODEL_HELPS, NEEDS_PERSON, analyse, begun, classify, paid_work, restart_from, restart_step
from epics.state import EpicState, Trouble
from epics.steps import AGENT_STEPS, Step
from epics.verdicts import FailureType

ENDS = ("turns", "budget", "timeout", "cancelled", "error", "out_of_bounds", "cap")
KINDS = (None, "provider", "no_output", "environment", "tool", "integration")

EXPECTED = {
    ("turns", None): FailureType.TURNS_EXHAUSTED,
    ("budget", None): FailureType.BUDGET,
    ("timeout", None): FailureType.TIMEOUT,
    ("cancelled", None): FailureType.ENVIRONMENT,
    ("out_of_bounds", None): FailureType.SCOPE_CREEP,
    ("cap", None): FailureType.TESTS_FAILING,
    ("error", None): FailureType.ENVIRONMENT,
    ("error", "provider"): FailureType.PROVIDER,
    ("error", "no_output"): FailureType.NO_OUTPUT,
    ("error", "environment"): FailureType.ENVIRONMENT,
    ("error", "tool"): FailureType.ENVIRONMENT,
    ("error", "integration"): FailureType.INTEGRATION,
}


def trouble(ended_by: str, kind: str | None = None, *, step: Step = Step.IMPLEMENT, **more: object) -> Trouble:
    return Trouble.model_validate({"step": step, "attempt": 3, "ended_by": ended_by, "error_kind": kind, **more})


@pytest.mark.parametrize("seen, meant", EXPECTED.items())
def test_the_facts_of_a_failure_say_its_type(seen, meant):
    assert classify(trouble(*seen)) is meant


def test_the_table_has_every_way_to_end():
    assert {ended_by for ended_by, _ in EXPECTED} == set(ENDS)
    assert {kind for ended_by, kind in EXPECTED if ended_by == "error"} == set(KINDS)


def test_a_design_that_is_never_approved_is_no_failing_test():
    assert classify(trouble("cap", step=Step.ARCHITECT)) is FailureType.ARCHITECTURE_MISMATCH


def test_every_type_of_the_design_has_its_facts():
    assert {*EXPECTED.values(), classify(trouble("cap", step=Step.ARCHITECT))} == set(FailureType)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ended_by", ENDS)
def test_an_analysis_is_whole_whatever_failed(ended_by, kind):
    step = Step.REVIEW

    analysis = analyse(trouble(ended_by, kind, step=step))

    assert analysis.point == f"{step}, attempt 3"
    assert analysis.cause
    assert analysis.evidence
    assert analysis.prevention
    assert analysis.by == "rules"


@pytest.mark.parametrize("detail", ["", "\n", "  \n\t", "\n\nreal words\nmore", "a\0b", "x" * 4_000])
@pytest.mark.parametrize("ended_by", ["cap", "error", "timeout"])
def test_an_analysis_is_made_of_any_detail(ended_by, detail):
    analysis = analyse(trouble(ended_by, "environment", detail=detail))

    assert analysis.cause.strip()
    assert analysis.evidence.strip()
    assert "\0" not in analysis.evidence


def test_the_cause_of_trouble_with_the_machine_is_the_first_line_of_what_was_said():
    analysis = analyse(trouble("error", "environment", detail="\n\nnpm is not installed\nat line 3"))

    assert analysis.cause == "npm is not installed"


def test_scope_creep_names_the_paths():
    analysis = analyse(trouble("out_of_bounds", paths=("secret.txt", "src/other.py")))

    assert "secret.txt, src/other.py" in analysis.cause
    assert analysis.evidence == "secret.txt, src/other.py"


def test_failures_that_come_again_ask_a_person_and_no_model():
    assert NEEDS_PERSON.isdisjoint(MODEL_HELPS)
    assert {FailureType.PROVIDER, FailureType.ENVIRONMENT} < NEEDS_PERSON


def test_only_tests_that_never_pass_send_the_work_back_to_implement():
    sent_back = {(failed, kind) for failed in AGENT_STEPS for kind in FailureType if restart_step(failed, kind) is not failed}

    assert sent_back == {(step, FailureType.TESTS_FAILING) for step in (Step.TEST, Step.REVIEW, Step.FIX, Step.REFACTOR)}
    assert {restart_step(failed, kind) for failed, kind in sent_back} == {Step.IMPLEMENT}


def test_a_new_attempt_begins_from_where_its_step_first_began():
    state = EpicState(base="new base", head="now", starts={Step.IMPLEMENT: "designed"}, start_bases={Step.IMPLEMENT: "old base"})

    assert restart_from(state, Step.IMPLEMENT) == ("designed", "old base")
    assert restart_from(state, Step.DOCUMENT) == ("now", "new base")


def test_a_start_is_remembered_with_the_base_that_it_stands_on():
    state = EpicState(base="base", starts={Step.ARCHITECT: "first"}, start_bases={Step.ARCHITECT: "older"})

    fields = begun(state, Step.IMPLEMENT, "designed")

    assert fields["starts"] == {Step.ARCHITECT: "first", Step.IMPLEMENT: "designed"}
    assert fields["start_bases"] == {Step.ARCHITECT: "older", Step.IMPLEMENT: "base"}


USED_UP = Trouble(step=Step.FIX, attempt=7, ended_by="turns")
STOPPED = EpicState(step=Step.FIX, base="b", head="h", retry_at=Step.FIX, failure=analyse(USED_UP))


@pytest.mark.parametrize(
    "state, step, attempt",
    [
        (STOPPED, Step.FIX, 7),
        (STOPPED.model_copy(update={"retry_at": Step.IMPLEMENT}), Step.IMPLEMENT, None),
        (STOPPED.model_copy(update={"retry_at": None}), Step.FIX, None),
        (STOPPED.model_copy(update={"failure": None}), Step.FIX, None),
        (STOPPED.model_copy(update={"failure": analyse(Trouble(step=Step.FIX, attempt=7, ended_by="out_of_bounds"))}), Step.FIX, None),
        (STOPPED, Step.TEST, None),
    ],
    ids=["the same step", "an earlier step", "gone back", "it went well since", "work that was wrong", "another step"],
)
def test_work_that_is_paid_for_is_gone_on_with_where_it_was_not_at_fault(state, step, attempt):
    assert paid_work(state, step) == attempt
