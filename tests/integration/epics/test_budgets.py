"""Limits on the real engine: never passed, and gone on behind when a person raises them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from epics.approvals import Choice
from epics.steps import Step
from tests.integration.epics.plays import play

pytestmark = pytest.mark.postgres

#: What one turn of a script costs, at least.
TURN = Decimal("0.0081")
HEADER = 'description = "Writes."\noutput = "change_report"\n'
LIMITED = {
    ".genie/agents/implement/workflow.toml": HEADER + '[limits]\nturns = 9\nseconds = 60\nusd = "0.01"\n',
    ".genie/agents/implement/prompt.md": "Write {{ goal | fenced }}\n",
    ".genie/agents/implement/allowed_tools.json": '["write_file"]\n',
}
TWO_TURNS = play("implement", {"write": {"greeting.txt": "hello\n"}}, {"output": {"summary": "Wrote it."}})


async def test_an_epic_that_meets_its_budget_asks_and_goes_on_with_the_work_and_the_conversation(begin, git):
    epic = await begin([TWO_TURNS], budget="0.03")
    await epic.go()

    stopped = await epic.decide(Choice.APPROVE)
    assert (stopped.step, stopped.status) == (Step.BUDGET_GATE, "waiting")
    assert stopped.cost_usd == 3 * TURN
    approval = await epic.engine.approval(epic.id)
    assert approval.question == "The epic's limit of $0.03 leaves no room for the next call of implement. Raise it?"

    raised = await epic.decide(Choice.RAISE, amount_usd="1")

    assert raised.step is Step.MERGE_GATE
    assert raised.budget_usd == Decimal("1.03")
    first, second = [attempt for attempt in await epic.engine.attempts(epic.id) if attempt.step is Step.IMPLEMENT]
    assert (first.ended_by, first.turns) == ("budget", 1)
    assert (second.ended_by, second.turns) == ("done", 1)
    assert second.base_commit == first.commit
    assert git(epic.repo, "show", f"{raised.branch}:greeting.txt") == "hello"
    assert f"goes on from the files and the conversation of attempt {first.n}" in (await epic.briefs("implement"))[1]


@pytest.mark.parametrize("budget", ["0.0081", "0.02", "0.05"])
async def test_the_limit_of_an_epic_is_never_passed(begin, budget):
    epic = await begin(budget=budget, auto_approve=True)

    stopped = await epic.go()

    assert stopped.step is Step.BUDGET_GATE
    spent = await epic.rows("SELECT coalesce(sum(cost_usd), 0) AS usd FROM calls WHERE epic_id = %s")
    assert spent[0]["usd"] <= Decimal(budget)
    assert stopped.cost_usd == spent[0]["usd"]


async def test_a_raise_lifts_the_limit_of_an_attempt_by_its_amount_and_no_more(begin):
    epic = await begin([TWO_TURNS], files=LIMITED)
    await epic.go()
    stopped = await epic.decide(Choice.APPROVE)
    assert stopped.step is Step.BUDGET_GATE
    assert "The attempt's limit of $0.01" in (await epic.engine.approval(epic.id)).question

    too_little = await epic.decide(Choice.RAISE, amount_usd="0.005")
    assert too_little.step is Step.BUDGET_GATE

    enough = await epic.decide(Choice.RAISE, amount_usd="0.005")

    assert enough.step is Step.MERGE_GATE
    spent = await epic.rows(
        "SELECT sum(c.cost_usd) AS usd FROM calls c JOIN attempts a ON a.epic_id = c.epic_id AND a.n = c.attempt"
        " WHERE c.epic_id = %s AND a.workflow = 'implement'"
    )
    assert spent[0]["usd"] == 2 * TURN
    assert spent[0]["usd"] <= Decimal("0.02")


async def test_an_abandoned_budget_gate_ends_the_epic(begin):
    epic = await begin(budget="0.01")
    await epic.go()

    assert (await epic.decide(Choice.ABANDON)).status == "failed"
