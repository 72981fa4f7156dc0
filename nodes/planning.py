"""planning: turn the goal into a plan."""

from __future__ import annotations

from langgraph.runtime import Runtime

from epics.failures import begun
from epics.state import EpicState
from epics.steps import Step, advance
from epics.verdicts import Plan
from nodes.context import Attempted, EpicContext
from nodes.working import Update, work


async def planning(state: EpicState, runtime: Runtime[EpicContext]) -> Update:
    """Have the goal planned, and move on to the architect."""

    def then(attempted: Attempted) -> Update:
        plan = Plan.model_validate(attempted.output)
        return {"plan": plan, **begun(state, Step.ARCHITECT, state.head), "step": advance(Step.PLANNING, Step.ARCHITECT)}

    return await work(state, runtime, Step.PLANNING, then=then)
