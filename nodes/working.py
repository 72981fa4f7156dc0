"""How every agent step runs: one attempt, then on, or to the time machine, or to the budget gate."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, Literal

from langgraph.runtime import Runtime

from epics.approvals import Decision
from epics.failures import paid_work
from epics.state import BudgetStop, EpicState, StepRecord, Trouble
from epics.steps import Step, advance
from nodes.briefing import variables_for
from nodes.context import Assignment, Attempted, EpicContext

Update = dict[str, Any]

_WILDCARD: Final = re.compile(r"[*?[]")


async def work(
    state: EpicState,
    runtime: Runtime[EpicContext],
    step: Step,
    *,
    then: Callable[[Attempted], Update],
    allowed_paths: tuple[str, ...] = ("**",),
    own_files: Callable[[Mapping[str, Any]], Mapping[str, str | None]] | None = None,
    run_tests: bool = False,
) -> Update:
    """Run the workflow of a step, and turn how it ended into the update of the state.

    Args:
        state: the epic before the step.
        runtime: LangGraph's, with the ports.
        step: the step; its value is the workflow's name.
        then: the update when the attempt is done; must hold `step`.
        allowed_paths: globs that bind the attempt beside the workflow's own; the plan's forbidden paths always do.
        own_files: files that Genie adds from the output.
        run_tests: whether the repository's test command is run at the end.
    """
    plan = state.plan
    task = task_id(runtime)
    assignment = Assignment(
        task_id=task,
        step=step,
        workflow=step,
        at=state.head,
        base=state.base,
        variables=await variables_for(state, runtime.context, step, task_id=task),
        allowed_paths=allowed_paths,
        forbidden_paths=plan.forbidden_paths if plan else (),
        own_files=own_files,
        run_tests=run_tests,
        continues=paid_work(state, step),
        extra_usd=Decimal(state.raises.get(step, "0")),
    )
    attempted = await runtime.context.attempts.run(assignment)
    if attempted.ended_by == "budget":
        return _out_of_budget(step, attempted)
    if attempted.ended_by != "done":
        return failed(step, attempted)
    # The analysis was for this attempt; whoever comes next must not take it for a failure of their own.
    return {"budget": None, "failure": None, "last": done(step, attempted), **then(attempted)}


def plan_paths(state: EpicState) -> tuple[str, ...]:
    """The globs of what the plan lets the work change."""
    return state.plan.allowed_paths if state.plan else ("**",)


async def work_paths(state: EpicState, runtime: Runtime[EpicContext]) -> tuple[str, ...]:
    """The plan's globs, and what the work has changed already: tests and documents that other steps added can be at fault too."""
    changed = await runtime.context.repository.changed(state.base, state.head)
    return tuple(dict.fromkeys((*plan_paths(state), *(_WILDCARD.sub("?", path) for path in changed))))


def task_id(runtime: Runtime[EpicContext]) -> str:
    """LangGraph's id of the running task, the same after a crash."""
    info = runtime.execution_info
    if info is None:
        message = "the graph gave no execution info; it must be run with a checkpointer"
        raise RuntimeError(message)
    return info.task_id


def done(step: Step, attempted: Attempted, note: str = "") -> StepRecord:
    """The record of a step that went well; its note is what the agent says of it, unless the node knows better."""
    said = attempted.output or {}
    note = note or str(said.get("title") or said.get("summary") or "").strip().partition("\n")[0][:200]
    return _record(step, attempted, "done", note)


def failed(step: Step, attempted: Attempted) -> Update:
    """The update that hands a failed attempt to the time machine; the head stays where it was."""
    trouble = Trouble.model_validate(
        {
            "step": step,
            "attempt": attempted.n,
            "ended_by": attempted.ended_by,
            "error_kind": attempted.error_kind,
            "commit": attempted.commit,
            "detail": (attempted.error + "\n" + attempted.log_tail).strip()[:4000],
            "paths": attempted.violations[:50],
        }
    )
    return {
        "step": advance(step, Step.TIME_MACHINE),
        "trouble": trouble,
        "budget": None,
        "last": _record(step, attempted, "failed", attempted.error),
    }


def cap_reached(step: Step, detail: str, last: StepRecord) -> Update:
    """The update when a capped loop may not be taken once more."""
    trouble = Trouble(step=step, attempt=last.attempt, ended_by="cap", detail=detail[:4000])
    return {"step": advance(step, Step.TIME_MACHINE), "trouble": trouble, "last": last}


def counted(counters: Mapping[str, int], name: str) -> dict[str, int]:
    """The counters with one of them one higher."""
    return {**counters, name: counters.get(name, 0) + 1}


def accepted(state: EpicState, attempted: Attempted) -> Update:
    """The update that makes the attempt's commit the head; a step that changed nothing leaves the branch as it was."""
    return {"head": attempted.commit, "branch": attempted.branch or state.branch}


def decision_note(decision: Decision) -> str:
    """One line for the history: who decided what."""
    return f"{decision.choice} by {decision.by} ({decision.channel}){': ' + decision.comment if decision.comment else ''}"[:2000]


def _out_of_budget(step: Step, attempted: Attempted) -> Update:
    stop = BudgetStop(
        step=step,
        scope=attempted.scope or "epic",
        limit_usd=attempted.limit_usd,
        spent_usd=attempted.spent_usd,
        needed_usd=attempted.needed_usd,
        resume_attempt=attempted.n,
    )
    return {"step": advance(step, Step.BUDGET_GATE), "budget": stop, "last": _record(step, attempted, "budget", attempted.error)}


def _record(step: Step, attempted: Attempted, outcome: Literal["done", "failed", "budget"], note: str) -> StepRecord:
    return StepRecord(
        step=step, outcome=outcome, workflow=step, attempt=attempted.n, branch=attempted.branch, tree=attempted.tree, note=note[:2000]
    )
