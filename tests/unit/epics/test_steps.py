"""The table of transitions: what can be reached from where."""

from __future__ import annotations

import pytest

from epics.approvals import OPTIONS
from epics.errors import IllegalTransition
from epics.steps import AGENT_STEPS, EARLIER_STEPS, END, GATES, TRANSITIONS, Step, advance

DESIGNED = (
    "planning architect plan_gate implement test review fix refactor document pr merge_gate merge time_machine failure_gate budget_gate"
)


def reachable(start: str) -> set[str]:
    found, todo = {start}, [start]
    while todo:
        here = todo.pop()
        for there in TRANSITIONS[Step(here)] if here != END else ():
            if there not in found:
                found.add(there)
                todo.append(there)
    return found


def test_the_steps_are_those_of_the_design_in_its_order():
    assert [step.value for step in Step] == DESIGNED.split()


def test_every_step_has_a_row():
    assert set(TRANSITIONS) == set(Step)


def test_every_step_is_reached_from_planning():
    assert reachable(Step.PLANNING) == {*Step, END}


@pytest.mark.parametrize("step", Step)
def test_the_end_is_reached_from_every_step(step):
    assert END in reachable(step)


@pytest.mark.parametrize("step", sorted(AGENT_STEPS))
def test_an_agent_step_can_fail_and_can_meet_a_limit(step):
    assert {Step.TIME_MACHINE, Step.BUDGET_GATE} <= TRANSITIONS[step]


@pytest.mark.parametrize("step", sorted({*Step} - AGENT_STEPS))
def test_a_step_without_an_agent_leads_to_no_time_machine_and_no_budget_gate(step):
    assert not {Step.TIME_MACHINE, Step.BUDGET_GATE} & TRANSITIONS[step]


@pytest.mark.parametrize("step", [Step.TIME_MACHINE, Step.FAILURE_GATE, Step.BUDGET_GATE])
def test_trouble_leads_back_to_every_agent_step(step):
    assert TRANSITIONS[step] >= AGENT_STEPS


@pytest.mark.parametrize("step", sorted(GATES))
def test_a_gate_offers_choices_and_can_end_the_epic(step):
    assert OPTIONS[step]
    assert END in TRANSITIONS[step]


def test_only_gates_and_the_merge_end_an_epic():
    assert {step for step, there in TRANSITIONS.items() if END in there} == {*GATES, Step.MERGE}


def test_a_new_attempt_begins_at_agent_steps_only():
    assert EARLIER_STEPS < AGENT_STEPS


@pytest.mark.parametrize("here", Step)
def test_only_the_edges_of_the_table_can_be_taken(here):
    taken = {there for there in Step if _can_be_taken(here, there)}

    assert taken == TRANSITIONS[here] - {END}


def test_a_refused_edge_names_both_its_ends():
    with pytest.raises(IllegalTransition) as refused:
        advance(Step.PLANNING, Step.MERGE)

    assert (refused.value.here, refused.value.there) == (Step.PLANNING, Step.MERGE)


def _can_be_taken(here: Step, there: Step) -> bool:
    try:
        return advance(here, there) is there
    except IllegalTransition:
        return False
