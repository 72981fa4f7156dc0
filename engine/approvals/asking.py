"""Asking again at a gate whose approval is over: a new moment, with an approval of its own."""

from __future__ import annotations

from db.approvals import decision_for
from db.epics import epic_facts
from engine.assembling import Installation
from engine.checkpoints import config_of
from epics.approvals import ApprovalStatus
from epics.going_back import arrival
from epics.state import EpicState, StepRecord
from epics.steps import GATES
from graphs.epic import EpicGraph


async def ask_again(installation: Installation, graph: EpicGraph, epic_id: str, state: EpicState) -> bool:
    """Arrive at the gate once more if its approval has expired and somebody resumed the epic; say whether that was done."""
    row = await epic_facts(installation.database.pool, epic_id)
    approval = await decision_for(installation.database.pool, epic_id, row["moment"])
    if approval is None or approval["status"] != ApprovalStatus.EXPIRED or approval["decision"] is not None or row["status"] != "queued":
        return False
    last = arrived_again(state, f"nobody decided approval {approval['id']} in time: asked again").last
    await graph.aupdate_state(config_of(epic_id), {"last": last, "step": state.step}, as_node=arrival(state))
    return True


def arrived_again(state: EpicState, note: str) -> EpicState:
    """The state of an epic that arrives once more at the gate where it is."""
    return state.model_copy(update={"last": StepRecord(step=state.step, outcome="failed", branch=state.branch, note=note)})


def is_asked_again(step: str, outcome: str) -> bool:
    """Whether a moment is one at which a gate asked again; a gate that was decided says so."""
    return step in GATES and outcome == "failed"
