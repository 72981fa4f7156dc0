"""document: have the documentation brought up to the work; nothing else may change."""

from __future__ import annotations

from langgraph.runtime import Runtime

from epics.state import EpicState
from epics.steps import Step, advance
from nodes.context import Attempted, EpicContext
from nodes.working import Update, accepted, work


async def document(state: EpicState, runtime: Runtime[EpicContext]) -> Update:
    """Have the documentation written, and move on to the pull request."""

    def then(attempted: Attempted) -> Update:
        return {**accepted(state, attempted), "step": advance(Step.DOCUMENT, Step.PR)}

    return await work(state, runtime, Step.DOCUMENT, then=then)
