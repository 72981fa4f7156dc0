"""refactor: have the structure mended where behaviour is right."""

from __future__ import annotations

from langgraph.runtime import Runtime

from epics.state import EpicState
from epics.steps import Step, advance
from nodes.context import Attempted, EpicContext
from nodes.working import Update, accepted, work, work_paths


async def refactor(state: EpicState, runtime: Runtime[EpicContext]) -> Update:
    """Have the structural findings dealt with, and move on to the tests."""

    def then(attempted: Attempted) -> Update:
        return {**accepted(state, attempted), "step": advance(Step.REFACTOR, Step.TEST)}

    return await work(state, runtime, Step.REFACTOR, then=then, allowed_paths=await work_paths(state, runtime))
