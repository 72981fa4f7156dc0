"""plan_gate: wait for a person to approve the plan."""

from __future__ import annotations

from langgraph.types import interrupt

from epics.approvals import Choice, Decision
from epics.failures import begun
from epics.state import Ended, EpicState, StepRecord
from epics.steps import Step, advance
from nodes.working import Update, counted, decision_note


async def plan_gate(state: EpicState) -> Update:
    """Wait, then implement, design again, or end."""
    decision = Decision.model_validate(interrupt({"gate": Step.PLAN_GATE}))
    last = StepRecord(step=Step.PLAN_GATE, outcome="decided", branch=state.branch, note=decision_note(decision))
    match decision.choice:
        case Choice.APPROVE:
            starts = begun(state, Step.IMPLEMENT, state.head)
            guidance = (*state.guidance, decision.comment) if decision.comment else state.guidance
            return {"step": advance(Step.PLAN_GATE, Step.IMPLEMENT), **starts, "guidance": guidance, "comments": (), "last": last}
        case Choice.CHANGES:
            return {
                "step": advance(Step.PLAN_GATE, Step.ARCHITECT),
                "comments": (*state.comments, decision.comment),
                "rounds": counted(state.rounds, Step.ARCHITECT),
                "last": last,
            }
        case _:
            return {"ended": Ended.REJECTED, "last": last}
