"""time_machine: say why an attempt failed, and choose where the next one begins."""

from __future__ import annotations

from decimal import Decimal

from langgraph.runtime import Runtime

from epics.failures import MODEL_HELPS, NEEDS_PERSON, analyse, restart_step
from epics.going_back import restarted
from epics.state import EpicState, StepRecord, Trouble
from epics.steps import Step, advance
from epics.verdicts import FailureAnalysis, FailureInsight
from nodes.briefing import variables_for
from nodes.context import Assignment, Attempted, EpicContext
from nodes.working import Update, counted, task_id

_WORKFLOW = "time_machine"


async def time_machine(state: EpicState, runtime: Runtime[EpicContext]) -> Update:
    """Analyse the failure by rules, then by a model, and begin again by itself while attempts are left; else ask a person."""
    trouble = state.trouble or Trouble(step=Step.PLANNING, ended_by="error", detail="the failure left no facts")
    analysis = analyse(trouble)
    target = restart_step(trouble.step, analysis.type)
    attempted: Attempted | None = None
    if analysis.type in MODEL_HELPS:
        attempted = await _ask_model(state, runtime, analysis)
        insight = FailureInsight.model_validate(attempted.output) if attempted.ended_by == "done" else None
        if insight:
            analysis = _with(analysis, insight)
            target = _earlier(state, target, insight)
    failures = counted(state.failures, trouble.step)
    exhausted = failures[trouble.step] >= runtime.context.policy.attempts
    asks = exhausted or analysis.type in NEEDS_PERSON or runtime.context.facts.autonomy == "ask"
    note = f"{analysis.type}: {analysis.cause}"[:2000]
    last = StepRecord(step=Step.TIME_MACHINE, outcome="done", workflow=_WORKFLOW if attempted else None,
                      attempt=attempted.n if attempted else None, branch=state.branch, note=note)  # fmt: skip
    update: Update = {"failure": analysis, "failures": failures, "retry_at": target, "last": last}
    if asks:
        return {**update, "step": advance(Step.TIME_MACHINE, Step.FAILURE_GATE)}
    return {**update, **restarted(state, trouble.step, target), "step": advance(Step.TIME_MACHINE, target)}


async def _ask_model(state: EpicState, runtime: Runtime[EpicContext], analysis: FailureAnalysis) -> Attempted:
    task = task_id(runtime)
    variables = dict(await variables_for(state, runtime.context, Step.TIME_MACHINE, task_id=task, failure=analysis))
    left = state.trouble.commit if state.trouble and state.trouble.commit else state.head
    if left != state.head:
        variables["diff"] = await runtime.context.repository.diff(state.head, left)
    assignment = Assignment(
        task_id=task,
        step=Step.TIME_MACHINE,
        workflow=_WORKFLOW,
        at=left,
        base=state.base,
        variables=variables,
        extra_usd=Decimal(0),
    )
    return await runtime.context.attempts.run(assignment)


def _with(analysis: FailureAnalysis, insight: FailureInsight) -> FailureAnalysis:
    return analysis.model_copy(update={"cause": insight.cause, "prevention": insight.prevention, "by": "model"})


def _earlier(state: EpicState, target: Step, insight: FailureInsight) -> Step:
    wished = {"same": target, "architect": Step.ARCHITECT, "implement": Step.IMPLEMENT}[insight.restart_at]
    order = tuple(Step)
    # Only backwards, and only to where the epic has been.
    return wished if wished in state.starts and order.index(wished) < order.index(target) else target
