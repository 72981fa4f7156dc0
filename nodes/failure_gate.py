"""failure_gate: wait for a person to say what becomes of an epic that failed."""

from __future__ import annotations

from langgraph.types import interrupt

from epics.approvals import Choice, Decision
from epics.failures import restart_step
from epics.going_back import given_up, restarted, taken_back_at_gate
from epics.state import EpicState, StepRecord
from epics.steps import Step, advance
from epics.verdicts import FailureType
from nodes.working import Update, decision_note


async def failure_gate(state: EpicState) -> Update:
    """Wait, then try again with guidance, go back to a moment, or end."""
    answer = interrupt({"gate": Step.FAILURE_GATE})
    decision = Decision.model_validate(answer["decision"])
    last = StepRecord(step=Step.FAILURE_GATE, outcome="decided", branch=state.branch, note=decision_note(decision))
    guidance = (*state.guidance, decision.comment) if decision.comment else state.guidance
    failed = state.trouble.step if state.trouble else Step.PLANNING
    helped: Update = {"failures": {}, "rounds": {}, "guidance": guidance, "last": last}
    match decision.choice:
        case Choice.RETRY:
            kind = state.failure.type if state.failure else FailureType.ENVIRONMENT
            target = state.retry_at or restart_step(failed, kind)
            return {**helped, **restarted(state, failed, target), "step": advance(Step.FAILURE_GATE, target)}
        case Choice.ROLLBACK:
            back = EpicState.model_validate(answer["back"])
            update = taken_back_at_gate(state, back, last, decision.to or 0, decision.comment)
            return {**update, "step": advance(Step.FAILURE_GATE, update["step"])}
        case _:
            return {**given_up(state), "last": last}
