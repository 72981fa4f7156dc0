"""merge: bring the work to the base branch, once, and never by force."""

from __future__ import annotations

from typing import Final

from langgraph.runtime import Runtime

from epics.state import Ended, EpicState, StepRecord
from epics.steps import Step, advance
from nodes.context import EpicContext, Landing
from nodes.working import Update

MERGED: Final = "merged to "
"""What the note of a moment begins with that brought work into the base branch; stored data."""

NOT_MADE: Final = ("The merge was not made: ", ". When that is put right, approve again.")
"""What stands around why a merge was not made, in what the gate tells."""


async def merge(state: EpicState, runtime: Runtime[EpicContext]) -> Update:
    """Merge what was tested and approved; where the base has moved, bring it in and test again.

    Looks before it does: after a crash between the merge and its checkpoint it finds the work merged (durability rule 20).
    """
    repository, facts = runtime.context.repository, runtime.context.facts
    title = state.pull_request.title if state.pull_request else facts.goal.splitlines()[0][:72]
    message = f"{title}\n\nGenie-Epic: {facts.id}\n"
    landing = await repository.land(state.head, expected=state.base, message=message, branch=state.branch)
    match landing.how:
        case "merged" | "already":
            note = f"{MERGED}{facts.base} at {landing.commit[:12]}"
            # Where a merge commit was made, it is what the epic came to; found merged already, the base may hold more than the epic.
            head = landing.commit if landing.how == "merged" else state.head
            return {"ended": Ended.MERGED, "head": head, "last": _record(state.branch, "done", note)}
        case "base_moved":
            return await _bring_in(state, runtime, landing)
        case "branch_moved":
            return _take_in(state, landing)
        case _:
            return {
                "step": advance(Step.MERGE, Step.MERGE_GATE),
                "notice": f"{NOT_MADE[0]}{landing.detail}{NOT_MADE[1]}",
                "last": _record(state.branch, "failed", landing.detail),
            }


async def _bring_in(state: EpicState, runtime: Runtime[EpicContext], landing: Landing) -> Update:
    base = landing.commit
    brought = await runtime.context.repository.bring_in(state.head, base, state.branch)
    # What the other side changed is a new situation: the rounds that were used on the old one do not count.
    update: Update = {"base": base, "head": brought.commit, "branch": brought.branch, "rounds": {**state.rounds, Step.FIX: 0}}
    note = f"{runtime.context.facts.base} had moved to {base[:12]} and was brought in"
    if brought.conflicts:
        conflict = _record(brought.branch, "failed", f"{note}, with conflicts in {', '.join(brought.conflicts)}", tree=brought.tree)
        return {**update, "conflicts": brought.conflicts, "step": advance(Step.MERGE, Step.FIX), "last": conflict}
    return {**update, "step": advance(Step.MERGE, Step.TEST), "last": _record(brought.branch, "done", note, tree=brought.tree)}


def _take_in(state: EpicState, landing: Landing) -> Update:
    """Go on with what somebody added to the epic's branch: nobody has approved it, so it is tested and asked about anew."""
    note = f"somebody added to {state.branch}, which was at {landing.commit[:12]}: nobody had approved that"
    update: Update = {"head": landing.commit, "branch": landing.branch, "rounds": {**state.rounds, Step.FIX: 0}}
    return {**update, "step": advance(Step.MERGE, Step.TEST), "last": _record(landing.branch, "done", note, tree=landing.tree)}


def _record(branch: str | None, outcome: str, note: str, tree: str = "") -> StepRecord:
    return StepRecord.model_validate({"step": Step.MERGE, "outcome": outcome, "branch": branch, "tree": tree, "note": note[:2000]})
