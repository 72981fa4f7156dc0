"""What a gate takes and what it refuses."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from epics.approvals import OPTIONS, STATUS_AFTER, ApprovalStatus, Choice, Decision, check_decision
from epics.errors import InvalidInput
from epics.steps import GATES, Step

WHOLE = {"comment": "because", "to": 1, "amount_usd": Decimal(1)}


def decision(choice: Choice, **more: object) -> Decision:
    return Decision.model_validate({"choice": choice, "by": "ann", "channel": "cli", **more})


@pytest.mark.parametrize("gate, choice", [(gate, choice) for gate in sorted(GATES) for choice in Choice])
def test_a_gate_takes_what_it_offers_and_nothing_else(gate, choice):
    if choice in OPTIONS[gate]:
        check_decision(gate, decision(choice, **WHOLE))
        return

    with pytest.raises(InvalidInput, match=f"the {gate} takes .*; it cannot take {choice}"):
        check_decision(gate, decision(choice, **WHOLE))


@pytest.mark.parametrize(
    "gate, choice, more, said",
    [
        (Step.PLAN_GATE, Choice.CHANGES, {}, "--comment"),
        (Step.MERGE_GATE, Choice.CHANGES, {"comment": " \n"}, "--comment"),
        (Step.FAILURE_GATE, Choice.ROLLBACK, {}, "--to"),
        (Step.BUDGET_GATE, Choice.RAISE, {}, "--amount"),
        (Step.MERGE_GATE, Choice.CHANGES, {"comment": "a\0b"}, "NUL"),
    ],
)
def test_a_choice_without_what_it_needs_is_refused_and_says_how_to_give_it(gate, choice, more, said):
    with pytest.raises(InvalidInput, match=said):
        check_decision(gate, decision(choice, **more))


@pytest.mark.parametrize("more", [{"amount_usd": 0}, {"amount_usd": "NaN"}, {"to": 0}, {"comment": "x" * 20_001}, {"comment": "\ud800"}])
def test_a_decision_holds_no_nonsense(more):
    with pytest.raises(ValidationError):
        decision(Choice.RAISE, **more)


def test_every_choice_leads_to_a_status_that_is_not_pending():
    assert set(STATUS_AFTER) == set(Choice)
    assert ApprovalStatus.PENDING not in STATUS_AFTER.values()
