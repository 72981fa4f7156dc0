"""Buttons and forms of cards, on the real engine: what counts, and what only the person who pressed hears."""

from __future__ import annotations

import asyncio

import pytest

pytestmark = pytest.mark.postgres

BRIEF = """
SELECT b.text AS brief FROM briefs b JOIN attempts a ON a.epic_id = b.epic_id AND a.n = b.attempt
WHERE a.epic_id = %s AND a.workflow = 'architect' ORDER BY a.n DESC LIMIT 1
"""
DECIDED = "SELECT 1 FROM approvals WHERE decision IS NOT NULL AND epic_id = %s"
SAID = 'Name it "greet", please.\n\n:tada: & <b> stay as they are: 100 %\n'


async def test_approve_decides_in_the_name_of_the_person_and_the_audit_has_it(open_office, at_plan_gate):
    office = await open_office(at_plan_gate.engine)
    approval = await office.engine.approval(at_plan_gate.id)

    await office.press(at_plan_gate.id, "approve")

    await office.until_row(
        lambda: at_plan_gate.rows("SELECT 1 FROM approvals WHERE decision IS NOT NULL AND epic_id = %s"), "it is decided"
    )
    decided = await office.engine.approval(approval.id)
    assert (decided.decision, decided.decided_by, decided.channel) == ("approve", "anna", "slack")
    (row,) = await at_plan_gate.rows("SELECT person, channel, via, answer, content_hash FROM audit WHERE deed = 'decide'")
    assert row == {
        "person": "anna",
        "channel": "slack",
        "via": "slack:T0GENIE/U0ANNA",
        "answer": "approve",
        "content_hash": approval.content_hash,
    }
    assert office.slack.told("U0ANNA") == []


async def test_what_is_said_in_the_form_for_changes_reaches_the_next_brief_word_for_word(open_office, at_plan_gate):
    office = await open_office(at_plan_gate.engine)

    await office.press(at_plan_gate.id, "changes")
    empty = await office.submit({"text": "  \n"})
    taken = await office.submit({"text": SAID})
    await office.until_row(
        lambda: at_plan_gate.rows("SELECT 1 FROM approvals WHERE decision IS NOT NULL AND epic_id = %s"), "it is decided"
    )
    await office.engine.advance(at_plan_gate.id)

    assert empty.payload is not None
    assert empty.payload["response_action"] == "errors"
    assert empty.payload["errors"]["text"].startswith("Say what to change")
    assert not taken.payload
    (attempt,) = await at_plan_gate.rows(BRIEF)
    assert SAID.strip() in attempt["brief"]


async def test_a_click_that_is_delivered_again_does_nothing_and_says_nothing(open_office, at_plan_gate):
    office = await open_office(at_plan_gate.engine)
    approval, card = await office.card(at_plan_gate.id)
    pressed = {"value": f"{approval.id}:{approval.content_hash}", "block": f"gate:{approval.id}", "message": card, "trigger": "1.2.3"}

    for _ in range(3):
        await asyncio.to_thread(office.person().press, "genie_approve", **pressed)
        await office.until_row(
            lambda: at_plan_gate.rows("SELECT 1 FROM approvals WHERE decision IS NOT NULL AND epic_id = %s"), "it is decided"
        )
    await asyncio.to_thread(office.person().press, "genie_reject", **{**pressed, "trigger": "4.5.6"})
    late = await office.told("U0ANNA", "Too late")

    assert "anna decided this already (approve" in late
    assert office.slack.told("U0ANNA") == [late]


async def test_of_twenty_clicks_at_once_one_wins_and_the_others_hear_who(open_office, at_plan_gate):
    office = await open_office(at_plan_gate.engine)
    approval, card = await office.card(at_plan_gate.id)
    pressed = {"value": f"{approval.id}:{approval.content_hash}", "block": f"gate:{approval.id}", "message": card}
    choices = ["approve", "reject"] * 10

    acks = await asyncio.gather(*(asyncio.to_thread(office.person().press, f"genie_{choice}", **pressed) for choice in choices))
    await office.until(lambda: len(office.slack.told("U0ANNA")) == 19, "all but one are told", lambda: office.slack.told("U0ANNA"))

    decided = await office.engine.approval(approval.id)
    assert all(f"anna decided this already ({decided.decision}" in text for text in office.slack.told("U0ANNA"))
    assert len(await at_plan_gate.rows("SELECT 1 FROM audit WHERE deed = 'decide' AND NOT refused")) == 1
    assert len(await at_plan_gate.rows("SELECT 1 FROM audit WHERE deed = 'decide' AND refused")) == 19
    assert all(ack.payload is None for ack in acks)
