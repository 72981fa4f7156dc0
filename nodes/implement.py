"""implement: have the plan carried out."""

from __future__ import annotations

from langgraph.runtime import Runtime

from epics.failures import begun
from epics.state import EpicState
from epics.steps import Step, advance
from nodes.context import Attempted, EpicContext
from nodes.working import Update, accepted, plan_paths, work


async def implement(state: EpicState, runtime: Runtime[EpicContext]) -> Update:
    """Have the plan implemented within its paths, and move on to the tests."""

    def then(attempted: Attempted) -> Update:
        return {**accepted(state, attempted), **begun(state, Step.TEST, attempted.commit), "step": advance(Step.IMPLEMENT, Step.TEST)}

    return await work(state, runtime, Step.IMPLEMENT, then=then, allowed_paths=plan_paths(state))
