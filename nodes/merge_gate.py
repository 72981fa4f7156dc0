"""merge_gate: wait for a person to approve the merge."""

from __future__ import annotations

from langgraph.types import interrupt

from epics.approvals import Choice, Decision
from epics.going_back import revert_refused
from epics.state import Ended, EpicState, StepRecord
from epics.steps import Step, advance
from nodes.working import Update, decision_note


async def merge_gate(state: EpicState) -> Update:
    """Wait, then merge, fix what the person asked for, or end."""
    decision = Decision.model_validate(interrupt({"gate": Step.MERGE_GATE}))
    last = StepRecord(step=Step.MERGE_GATE, outcome="decided", branch=state.branch, note=decision_note(decision))
    match decision.choice:
        case Choice.APPROVE:
            return {"step": advance(Step.MERGE_GATE, Step.MERGE), "notice": "", "last": last}
        case Choice.CHANGES:
            # A person asked for this round: the cap on rounds that agents make by themselves begins again.
            return {
                "step": advance(Step.MERGE_GATE, Step.FIX),
                "comments": (decision.comment,),
                "rounds": {**state.rounds, Step.FIX: 0},
                "notice": "",
                "last": last,
            }
        case _ if state.revert:
            # What was merged stays merged.
            revert = state.revert
            last = last.model_copy(update={"branch": revert.branch})
            return {**revert_refused(revert), "ended": Ended.MERGED, "last": last}
        case _:
            return {"ended": Ended.REJECTED, "last": last}
