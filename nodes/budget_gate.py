"""budget_gate: wait for a person to raise a limit, or to give the epic up."""

from __future__ import annotations

from decimal import Decimal

from langgraph.types import interrupt

from epics.approvals import Choice, Decision
from epics.going_back import given_up
from epics.state import EpicState, StepRecord
from epics.steps import Step, advance
from nodes.working import Update, decision_note


async def budget_gate(state: EpicState) -> Update:
    """Wait, then go on from the work done, or end.

    The limit of an epic or project was lifted in the transaction of the decision; only that of an attempt is kept in the state.
    """
    decision = Decision.model_validate(interrupt({"gate": Step.BUDGET_GATE}))
    last = StepRecord(step=Step.BUDGET_GATE, outcome="decided", branch=state.branch, note=decision_note(decision))
    stop = state.budget
    if decision.choice is not Choice.RAISE or stop is None:
        return {**given_up(state), "last": last}
    raises = state.raises
    if stop.scope == "attempt" and decision.amount_usd:
        total = Decimal(raises.get(stop.step, "0")) + decision.amount_usd
        raises = {**raises, stop.step: format(total, "f")}
    return {"step": advance(Step.BUDGET_GATE, stop.step), "raises": raises, "last": last}
