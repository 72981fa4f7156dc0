"""Cancelling an epic: at once where nobody holds it, else by a command that its worker finds."""

from __future__ import annotations

from db.epics import ask_cancel, fetch_one
from db.fence import fenced
from db.leases import Lease
from db.queries import QUERIES
from engine.assembling import Installation
from engine.checkpoints import config_of, saver_for
from engine.lease_keeper import hold_epic
from engine.reading import epic_view
from engine.views import EpicView
from epics.errors import Conflict, EpicHeld
from epics.state import TERMINAL, Ended, EpicState, StepRecord
from epics.steps import Step
from graphs.epic import compile_epic_graph


async def cancel_epic(installation: Installation, epic_id: str, *, by: str, reason: str) -> EpicView:
    """Ask for an epic to be cancelled, and do it here unless a live worker holds it and will.

    Raises:
        Conflict: if it has ended already.
    """
    pool = installation.database.pool
    epic = await epic_view(pool, epic_id)
    if epic.status in TERMINAL:
        message = f"epic {epic_id} has ended already: it is {epic.status}"
        raise Conflict(message)
    await ask_cancel(pool, epic_id, {"by": by, "reason": reason})
    try:
        async with hold_epic(installation.database, epic_id, seconds=installation.lease_seconds) as hold:
            await apply_cancel(installation, hold.lease)
    except EpicHeld:
        return await epic_view(pool, epic_id)
    return await epic_view(pool, epic_id)


async def apply_cancel(installation: Installation, lease: Lease) -> None:
    """Bring an epic that we hold to its end, if a cancel is still open: a checkpoint like any other, with its moment and its rows."""
    pool, epic_id = installation.database.pool, lease.thread_id
    command = await fetch_one(pool, "unapplied_cancel", {"epic": epic_id})
    if command is None:
        return
    facts = await fetch_one(pool, "epic_facts", {"epic": epic_id}) or {}
    # By its rows: LangGraph shows nothing left to do as well where a crash took the checkpoint after a decision.
    if facts["status"] not in TERMINAL:
        graph = compile_epic_graph(saver_for(installation.database, lease))
        snapshot = await graph.aget_state(config_of(epic_id))
        state = EpicState.model_validate(snapshot.values or {"base": facts["base_commit"], "head": facts["base_commit"]})
        data = command["data"]
        note = f"cancelled by {data['by']}{': ' + data['reason'] if data.get('reason') else ''}"
        last = StepRecord(step=state.step, outcome="cancelled", branch=state.branch, note=note[:2000])
        update = {"ended": Ended.CANCELLED, "last": last, "step": state.step, "base": state.base, "head": state.head}
        # As a gate, from which an edge leads to the end: edges are chosen by the state, and `ended` chooses that one. A Command that goes
        # to the end is refused by LangGraph where the newest node has no such edge (docs/decisions/0005).
        await graph.aupdate_state(config_of(epic_id), update, as_node=Step.MERGE_GATE)
    async with fenced(pool, lease) as connection:
        await connection.execute(QUERIES["apply_cancels"], {"epic": epic_id})
