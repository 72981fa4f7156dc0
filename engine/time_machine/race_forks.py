"""The forks of a race: each made once, however often that is tried, and runnable from its first checkpoint on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.checkpoint.base import CheckpointMetadata

from db.epics import Row, fetch_one
from db.leases import Lease
from db.races import rename_entry
from db.saver import Projector
from engine.assembling import Installation
from engine.checkpoints import config_of, project_values, saver_for
from engine.lease_keeper import hold_epic
from engine.time_machine.forking import forked_state, rows_of_fork
from engine.time_machine.orders import Fork
from engine.time_machine.rollback_plan import state_of_moment
from engine.time_machine.rollback_writing import Rows, show_branch
from epics.going_back import arrival, fields_of
from epics.ids import new_id
from graphs.epic import compile_epic_graph

BY = "--attempts"
"""Who forked, as the history says."""


async def make_forks(installation: Installation, lease: Lease, facts: Row, race: Row, entries: list[Row]) -> None:
    """Make the forks of a race that are not there yet.

    Raises:
        EpicHeld: if another process makes one at this moment.
        HistoryPruned: if the state of the moment was pruned.
    """
    for entry in entries:
        if entry["status"] is not None and not entry["ours"]:
            entry["fork_id"] = await free_id(installation)
            await rename_entry(installation.database.pool, lease, entry["k"], entry["fork_id"])
        elif entry["status"] is not None:
            continue
        await _make(installation, facts, race, entry)


async def free_id(installation: Installation, *, but: frozenset[str] = frozenset()) -> str:
    """An id that no epic has, and none of the others that were chosen with it."""
    while (epic_id := new_id("e")) in but or await fetch_one(installation.database.pool, "epic_facts", {"epic": epic_id}) is not None:
        continue
    return epic_id


async def _make(installation: Installation, facts: Row, race: Row, entry: Row) -> None:
    database, source, fork = installation.database, facts["id"], entry["fork_id"]
    share = race["share_usd"]
    asked = Fork(at=race["moment"], by=BY, guidance=entry["guidance"], budget_usd=share, labels={"attempt": f"{entry['k']} of {race['n']}"})
    moment, target = await state_of_moment(database.pool, facts, asked.at)
    attempts = await fetch_one(database.pool, "last_attempt", {"epic": source}) or {"last_attempt": 0}
    state = forked_state(source, fork, moment, target, asked, attempts["last_attempt"])
    async with hold_epic(database, fork, seconds=installation.lease_seconds) as hold:
        if await fetch_one(database.pool, "epic_facts", {"epic": fork}) is not None:
            return
        rows = rows_of_fork(installation, source, asked, state)
        saver = saver_for(database, hold.lease, installation.release, project=goes_on(rows), after=source)
        await compile_epic_graph(saver).aupdate_state(config_of(fork), fields_of(state), as_node=arrival(state))
        # Given back with a hint: the workers hear of it in that transaction.
        hold.handed_over = True
    await show_branch(installation, {**facts, "id": fork}, state.branch or "", state.head)


def goes_on(rows: Rows) -> Projector:
    """What projects a checkpoint of the time machine from which the epic goes on by itself."""

    def project(thread: str, checkpoint_id: str, values: Mapping[str, Any], metadata: CheckpointMetadata) -> Mapping[str, Any] | None:
        projected = project_values(thread, checkpoint_id, values, metadata)
        return projected and {**projected, **rows.added, "events": [*rows.events, *projected["events"]]}

    return project
