"""Forms of the failure and the budget gate: guidance, a moment, an amount."""

from __future__ import annotations

from decimal import Decimal

import pytest

pytestmark = pytest.mark.postgres

DECIDED = "SELECT 1 FROM approvals WHERE decision IS NOT NULL AND gate = 'failure_gate' AND epic_id = %s"


async def test_a_failure_is_tried_again_with_guidance_and_taken_back_to_a_moment_of_a_list(open_office, begin, story):
    epic = await begin(story(implement=[{"fail": "no_output"}]), autonomy="ask", auto_approve=True)
    await epic.engine.advance(epic.id)
    office = await open_office(epic.engine)

    await office.press(epic.id, "retry")
    await office.submit({"text": "Write the file first."})
    await office.until_row(lambda: epic.rows(DECIDED), "it is tried again")
    await office.engine.advance(epic.id)
    await office.press(epic.id, "rollback")
    await office.until(lambda: len(office.slack.workspace.views) == 2, "the second form is open")
    select = next(block["element"] for block in office.slack.workspace.views[-1]["blocks"] if block.get("block_id") == "moment")
    moments = await office.engine.moments(epic.id)
    unchosen = await office.submit({"text": "Smaller steps."})
    await office.submit({"moment": "2", "text": "Smaller steps."})
    decided = await office.until_row(lambda: epic.rows(f"{DECIDED} AND decision = 'rollback'"), "it is rolled back")

    assert decided
    assert [option["value"] for option in select["options"]] == [str(moment.n) for moment in reversed(moments)]
    assert unchosen.payload is not None
    assert "moment" in unchosen.payload["errors"]
    retried, back = [each for each in reversed(await office.engine.approvals(epic=epic.id)) if each.gate == "failure_gate"]
    assert (retried.decision, retried.comment, retried.decided_by) == ("retry", "Write the file first.", "anna")
    assert (back.decision, back.to, back.comment) == ("rollback", 2, "Smaller steps.")


async def test_a_limit_is_raised_by_an_amount_and_what_is_no_amount_is_said_in_the_form(open_office, begin):
    epic = await begin(budget_usd=Decimal("0.01"))
    await epic.engine.advance(epic.id)
    office = await open_office(epic.engine)

    await office.press(epic.id, "raise")
    wrong = await office.submit({"amount": "lots"})
    await office.submit({"amount": "$2.50"})
    await office.until_row(lambda: epic.rows("SELECT 1 FROM approvals WHERE decision = 'raise' AND epic_id = %s"), "it is raised")

    assert wrong.payload == {
        "response_action": "errors",
        "errors": {"amount": "'lots' is no amount in US dollars: type a number above 0, such as 2.50"},
    }
    assert (await office.engine.epic(epic.id)).budget_usd == Decimal("2.51")


async def test_a_form_that_somebody_else_was_first_with_says_so_to_who_submits_it(open_office, at_plan_gate):
    office = await open_office(at_plan_gate.engine)
    await office.press(at_plan_gate.id, "changes")
    await office.until(lambda: bool(office.slack.workspace.views), "the form is open")

    await at_plan_gate.decide("approve")
    await office.submit({"text": "Not like this."})

    assert "ann decided this already (approve" in await office.told("U0ANNA", "Too late")


async def test_a_form_that_slack_does_not_open_in_time_is_said_to_be_asked_for_again(open_office, at_plan_gate):
    office = await open_office(at_plan_gate.engine)

    await office.press(at_plan_gate.id, "changes", trigger="used.up.already")

    assert "press the button again" in await office.told("U0ANNA", "Slack did not open the form")
