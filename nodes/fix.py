"""fix: have failures, findings, comments or conflicts dealt with."""

from __future__ import annotations

from langgraph.runtime import Runtime

from epics.state import EpicState
from epics.steps import Step, advance
from nodes.context import Attempted, EpicContext
from nodes.working import Update, accepted, failed, work, work_paths


async def fix(state: EpicState, runtime: Runtime[EpicContext]) -> Update:
    """Have what is wrong put right within the bounds of the work, and move on to the tests."""
    # A merge touches what the other side touched; the bounds are for the work, not for that.
    allowed = ("**",) if state.conflicts else await work_paths(state, runtime)

    def then(attempted: Attempted) -> Update:
        return {**accepted(state, attempted), "conflicts": (), "step": advance(Step.FIX, Step.TEST)}

    update = await work(state, runtime, Step.FIX, then=then, allowed_paths=allowed)
    if state.conflicts and update["step"] is Step.TEST:
        left = await runtime.context.repository.markers(update["head"], state.conflicts)
        if left:
            return _unresolved(update, left)
    return update


def _unresolved(update: Update, left: tuple[str, ...]) -> Update:
    last = update["last"]
    attempted = Attempted(
        n=last.attempt,
        ended_by="error",
        error_kind="integration",
        error=f"conflict markers are left in {', '.join(left)}",
        branch=last.branch,
        commit=update["head"],
        tree=last.tree,
        violations=left,
    )
    return failed(Step.FIX, attempted)
