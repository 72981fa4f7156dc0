"""Judging the entries of a race that have come to rest: by the repository's tests, the review, git and the rows, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from db.epics import Row
from engine.assembling import Installation
from engine.fetching_packs import bring_to_read
from engine.time_machine.rollback_plan import state_of_moment
from epics.errors import RepositoryUnusable
from epics.races import ENTRY_RESTS_AT, Score, Size, score_of
from epics.state import EpicState
from timemachine.diffs import diff_stat
from timemachine.workspace import open_workspace


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry at rest, with all that picking it needs."""

    k: int
    fork: str
    moment: int
    tree: str
    place: str
    guidance: str
    state: EpicState
    score: Score


async def judge(installation: Installation, source: Row, entries: list[Row]) -> list[Entry]:
    """Score the entries as they are now.

    Raises:
        HistoryPruned: if the state of one was pruned.
    """
    return [await judge_one(installation, source, row) for row in entries]


async def judge_one(installation: Installation, source: Row, row: Row) -> Entry:
    """Score one entry that has come to rest."""
    facts = {**source, "id": row["fork_id"]}
    moment, state = await state_of_moment(installation.database.pool, facts, row["moment"])
    size = await _size(installation, facts, state)
    return Entry(
        k=row["k"],
        fork=row["fork_id"],
        moment=row["moment"],
        tree=moment["tree"] if moment else "",
        place=row["place"],
        guidance=row["guidance"],
        state=state,
        score=score_of(state, cost_usd=row["counted_usd"], size=size, rests=_rests(row)),
    )


def _rests(row: Row) -> str:
    if row["status"] == "paused" and row["step"] == ENTRY_RESTS_AT:
        return "tested and reviewed"
    if row["status"] == "waiting":
        return f"waits for a person at {row['step']}"
    return f"{row['status']} at {row['step']}" + (f": {row['problem']}" if row["problem"] else "")


async def _size(installation: Installation, facts: Row, state: EpicState) -> Size | None:
    """How much the work changes; None where the repository cannot be read now, which no pick is to wait for."""
    try:
        workspace = await open_workspace(installation.home, facts["repo"], installation.git_environment)
        await bring_to_read(installation.database.pool, workspace.mirror, facts, (state.base, state.head))
    except RepositoryUnusable:
        return None
    paths = await diff_stat(workspace.mirror, state.base, state.head)
    return Size(files=len(paths), insertions=sum(path.added or 0 for path in paths), deletions=sum(path.removed or 0 for path in paths))
