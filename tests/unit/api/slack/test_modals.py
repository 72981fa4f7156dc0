"""Forms: what Slack takes, and what comes back from it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from api.slack.decisions import Pressed, choice_of, pressed
from api.slack.modals import MOST_TEXT, NEEDS_MODAL, Asked, FieldWrong, decision_in, modal
from engine.views import MomentView
from epics.approvals import Choice
from epics.errors import Superseded
from tests.fakes.slack.blocks import faults_of_view

PRESSED = {"approval": "a-0123456789", "content_hash": "f" * 64}


def moment(n):
    return MomentView.model_validate(
        {
            "n": n,
            "step": "plan_gate",
            "workflow": None,
            "attempt": None,
            "outcome": "approve " + "x" * 200,
            "branch": None,
            "commit": "c",
            "tree": "t",
            "checkpoint_id": "i",
            "cost_usd": Decimal("1.5"),
            "name": "<!channel>",
            "note": "",
            "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        }
    )


@pytest.mark.parametrize("choice", sorted(NEEDS_MODAL))
def test_slack_takes_every_form_whatever_the_goal_and_however_many_moments(choice):
    asked = Asked(pressed=Pressed(choice=choice, **PRESSED), channel="C1", thread="1.2")

    view = modal(asked, goal="<!channel> " + "g" * 20_000, moments=[moment(n) for n in range(1, 300)])

    assert faults_of_view(view) == []
    assert "<!channel>" not in view["blocks"][0]["elements"][0]["text"]
    assert Asked.model_validate_json(view["private_metadata"]) == asked


def state(**values):
    return {"state": {"values": {name: {name: {"value": value}} for name, value in values.items()}}}


def test_what_is_written_stays_as_it_is():
    text = " two\nlines :tada: &amp; <b>\n"

    assert decision_in(Choice.CHANGES, state(text=text)).comment == text


@pytest.mark.parametrize(
    "choice, values, field",
    [
        (Choice.CHANGES, {"text": " \n"}, "text"),
        (Choice.CHANGES, {}, "text"),
        (Choice.RETRY, {"text": "a\0b"}, "text"),
        (Choice.RAISE, {"amount": "0"}, "amount"),
        (Choice.RAISE, {}, "amount"),
        (Choice.ROLLBACK, {"moment": "abc"}, "moment"),
        (Choice.ROLLBACK, {"text": "no moment"}, "moment"),
    ],
)
def test_what_cannot_be_used_is_said_beside_its_field(choice, values, field):
    with pytest.raises(FieldWrong) as wrong:
        decision_in(choice, state(**values))

    assert wrong.value.field == field


def test_guidance_may_be_left_out():
    assert decision_in(Choice.RETRY, state()).comment == ""
    assert MOST_TEXT == 3_000


@pytest.mark.parametrize(
    "value, block", [("", ""), ("a-1", "gate:a-1"), ("a-1:beef", "gate:a-2"), ("e-1:beef", "gate:e-1"), ("a-1:be ef", "gate:a-1")]
)
def test_a_button_that_no_card_of_ours_has_stands_for_nothing(value, block):
    with pytest.raises(Superseded):
        pressed(Choice.APPROVE, value, block)


@pytest.mark.parametrize(
    "action, choice", [("genie_approve", Choice.APPROVE), ("genie_open", None), ("approve", None), ("genie_approve_x", None)]
)
def test_only_buttons_that_name_a_choice_decide(action, choice):
    assert choice_of(action) is choice
