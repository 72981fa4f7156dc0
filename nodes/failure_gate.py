"""failure_gate: wait for a person to say what becomes of an epic that failed."""

from __future__ import annotations

from langgraph.types import interrupt

from epics.approvals import Choice, Decision
from epics.failures import restart_step
from epics.state import Ended, EpicState, StepRecord
from epics.steps import AGENT_STEPS, Step, advance
from epics.verdicts import FailureType
from nodes.working import Update, decision_note, restarted


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
            at = last.model_copy(update={"branch": back.branch})
            return {**helped, **_taken_back(back), "last": at, "step": advance(Step.FAILURE_GATE, resume_step(back))}
        case _:
            return {"ended": Ended.FAILED, "last": last}


def resume_step(state: EpicState) -> Step:
    """The agent step that an epic goes on with from an earlier state: the one that came next, or the one whose work a gate asked about."""
    if state.step in AGENT_STEPS:
        return state.step
    if state.step is Step.PLAN_GATE:
        return Step.ARCHITECT
    if state.step in {Step.MERGE_GATE, Step.MERGE}:
        return Step.PR
    if state.step is Step.BUDGET_GATE and state.budget:
        return state.budget.step
    return state.trouble.step if state.trouble else Step.PLANNING


def _taken_back(back: EpicState) -> Update:
    # Counters and guidance are a person's doing and stay; the analysis stays too, since the next attempt must read it.
    kept = ("base", "head", "branch", "plan", "design", "tests", "review", "pull_request", "conflicts", "starts", "start_bases")
    return {**{name: getattr(back, name) for name in kept}, "trouble": None, "budget": None}
