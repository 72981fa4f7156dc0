"""Picking an entry of a race: its work becomes that of the epic, in one checkpoint, in whose transaction all of its rows are."""

from __future__ import annotations

from typing import Any

from db.audit import audit_row
from db.epics import Row, fetch_one
from db.leases import Lease
from engine.assembling import Installation
from engine.checkpoints import saver_for
from engine.time_machine.race_forks import goes_on
from engine.time_machine.race_judging import Entry
from engine.time_machine.rollback_plan import state_of_moment
from engine.time_machine.rollback_writing import Rows, at_checkpoint, show_branch
from epics.going_back import arrival, fields_of
from epics.races import explained
from epics.state import EpicState, StepRecord
from epics.steps import Step
from graphs.epic import compile_epic_graph
from timemachine.workspace import attempt_branch


async def pick(installation: Installation, lease: Lease, race: Row, entry: Entry, *, by: str, paused: bool) -> None:
    """Give the epic that we hold the work of an entry: state, files, attempts and journal; the entry itself stays as it is.

    Args:
        installation: where the epic is.
        lease: of the epic that the race is for.
        race: its race, which still runs.
        entry: what is picked, as it was judged.
        by: who picks.
        paused: whether the epic waits for a resume then.

    Raises:
        LeaseLost: if another worker has taken the epic over; nothing is written.
    """
    pool, epic = installation.database.pool, lease.thread_id
    facts = await fetch_one(pool, "epic_facts", {"epic": epic}) or {}
    moment, _ = await state_of_moment(pool, facts, race["moment"])
    counted = await fetch_one(pool, "last_attempt", {"epic": entry.fork}) or {"last_attempt": 0}
    state = _picked_state(epic, race, entry, by=by, attempts=counted["last_attempt"])
    why = "; ".join(explained(entry.score))
    picked = {"fork": entry.fork, "moment": entry.moment, "by": by, "why": why}
    event = {"type": "attempt_picked", "data": {"attempt": entry.k, "of": race["n"], **picked, "next": state.step}}
    told = {"attempt": entry.k, "of": race["n"], "fork": entry.fork, "moment": entry.moment, "by": by}
    row = audit_row("pick", kind="epic", subject=epic, epic=epic, content_hash=entry.tree, data=told)
    rows = Rows(added={"picked": picked, "audit": row}, events=(event,), problem=state.last.note if state.last else "")
    project = rows.projector() if paused else goes_on(rows)
    saver = saver_for(installation.database, lease, installation.release, project=project, after=entry.fork)
    config = at_checkpoint(epic, moment["checkpoint_id"] if moment else "")
    await compile_epic_graph(saver).aupdate_state(config, fields_of(state), as_node=arrival(state))
    await show_branch(installation, facts, state.branch or "", state.head)


def _picked_state(epic: str, race: Row, entry: Entry, *, by: str, attempts: int) -> EpicState:
    state = entry.state
    # Numbers of attempts are never given again: no branch of this name can be there.
    branch = attempt_branch(epic, "pick", attempts)
    last = StepRecord(
        step=state.last.step if state.last else Step.IMPLEMENT,
        outcome="picked",
        branch=branch,
        tree=entry.tree,
        note=f"attempt {entry.k} of {race['n']} ({entry.fork}, moment {entry.moment}) was picked by {by}",
        parent=race["moment"],
    )
    pull = state.pull_request
    update: dict[str, Any] = {
        "ended": None,
        "branch": branch,
        # That it was one of several is nothing that the next steps must read.
        "guidance": tuple(line for line in state.guidance if line != entry.guidance),
        "pull_request": pull.model_copy(update={"branch": branch}) if pull else None,
        "last": last,
    }
    return state.model_copy(update=update)
