"""Carrying out a cancel: the checkpoint with which an epic ends, unless its merge was made before."""

from __future__ import annotations

from typing import Any

from db.commands import end_command
from db.epics import Row, fetch_one, pause_epic
from db.fence import add_events, fenced
from db.leases import Lease
from db.runs import end_run
from db.strangers import cancel_strange
from engine.assembling import Installation
from engine.breaker import telling
from engine.checkpoints import config_of, saver_for
from engine.compatibility import why_strange
from engine.leftovers import tidy_epic
from engine.merged_meanwhile import settle_merge
from epics.errors import EffectUnknown
from epics.going_back import revert_refused
from epics.runs import RunStatus, is_run
from epics.state import TERMINAL, Ended, EpicState, StepRecord
from epics.steps import Step
from graphs.epic import compile_epic_graph


async def apply_cancel(installation: Installation, lease: Lease, command: Row) -> None:
    """Bring an epic that we hold to its end, unless it has ended: a checkpoint like any other, with its moment and its rows.

    A merge that was made before counts: the epic is merged then, and an event tells who cancelled that it came too late. Where nobody can
    see whether it was made, the epic is paused, and why stays with the command.
    """
    pool, epic_id = installation.database.pool, lease.thread_id
    facts = await fetch_one(pool, "epic_facts", {"epic": epic_id}) or {}
    data, problem = command["data"], None
    note = f"cancelled by {data['by']}{': ' + data['reason'] if data.get('reason') else ''}"[:2000]
    # By its rows: LangGraph shows nothing left to do as well where a crash took the checkpoint after a decision.
    if is_run(epic_id):
        end = {"status": RunStatus.CANCELLED, "problem": note}
        says_nothing = telling(installation.dispatch.breaking, "cancelled", note)
        await end_run(pool, lease, end, event={"by": data["by"]}, within=says_nothing)
    elif facts["status"] not in TERMINAL:
        if why_strange(facts, installation.release) is not None:
            await cancel_strange(pool, lease, note)
        else:
            problem = await _end(installation, lease, facts, data, note)
    await end_command(pool, lease, command["id"], problem)
    if problem is None:
        # Behind the answer to who cancelled. Its agents are stopped, and no worker may ever come by to do it.
        await tidy_epic(installation, epic_id, facts["repo"])


async def _end(installation: Installation, lease: Lease, facts: Row, data: dict[str, Any], note: str) -> str | None:
    pool, config = installation.database.pool, config_of(lease.thread_id)
    try:
        landed = await settle_merge(installation, lease, facts)
    except EffectUnknown as error:
        await pause_epic(pool, lease, str(error))
        return str(error)
    if landed is not None:
        async with fenced(pool, lease) as connection:
            late = {"by": data["by"], "why": f"the work was merged to {facts['base']} before, at {landed[:12]}"}
            await add_events(connection, lease.thread_id, [{"type": "cancel_refused", "data": late}])
        return None
    graph = compile_epic_graph(saver_for(installation.database, lease, installation.release))
    snapshot = await graph.aget_state(config)
    state = EpicState.model_validate(snapshot.values or {"base": facts["base_commit"], "head": facts["base_commit"]})
    last = StepRecord(step=state.step, outcome="cancelled", branch=state.branch, note=note)
    update = {"ended": Ended.CANCELLED, "last": last, "step": state.step, "base": state.base, "head": state.head}
    if state.revert is not None:
        # What was merged stays merged: only the proposal to take it back is given up.
        update |= {**revert_refused(state.revert), "ended": Ended.MERGED}
    # As a gate, from which an edge leads to the end: edges are chosen by the state, and `ended` chooses that one. A Command that goes
    # to the end is refused by LangGraph where the newest node has no such edge (docs/decisions/0005).
    await graph.aupdate_state(config, update, as_node=Step.MERGE_GATE)
    return None
