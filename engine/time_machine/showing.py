"""One moment of an epic, put together from its rows, its checkpoint and git."""

from __future__ import annotations

from db.connection import Pool
from db.epics import fetch_all, fetch_one
from engine.assembling import Installation
from engine.history import diff_stats, moment_view
from engine.history_views import FileStat
from engine.reading import list_attempts
from engine.time_machine.moment_views import Counts, MomentDetail, MomentState, RollbackRecord
from engine.views import ApprovalView, AttemptView, EpicView, MomentView
from epics.errors import Environment, EpicStrange, GitFailed, MomentNotFound, RepositoryUnusable
from epics.state import EpicState
from epics.upgrades import Release


async def moment_detail(installation: Installation, epic: EpicView, n: int) -> MomentDetail:
    """One moment of an epic; what was pruned, or cannot be read from git now, is left out and said.

    Raises:
        MomentNotFound: if the epic has no such moment.
    """
    pool = installation.database.pool
    moment = await moment_view(pool, epic.id, n)
    state = await state_if_kept(pool, epic.id, moment.checkpoint_id, installation.release)
    files, trouble = await _files(installation, epic, moment)
    asked = [ApprovalView.model_validate(row) for row in await fetch_all(pool, "approvals_around", {"epic": epic.id, "n": n})]
    led = moment.outcome == "decided"
    return MomentDetail(
        **dict(moment),
        epic=epic.id,
        state=None if state is None else shown_state(state),
        counts=Counts.model_validate(await fetch_one(pool, "numbers_given", {"epic": epic.id})),
        approval=next((each for each in asked if each.moment == n), None),
        decision=next((each for each in asked if led and each.moment == n - 1 and each.decision is not None), None),
        attempt_view=await _attempt(pool, epic.id, moment.attempt),
        files=files,
        files_trouble=trouble,
        children=tuple(row["n"] for row in await fetch_all(pool, "moments_after", {"epic": epic.id, "n": n})),
        rollbacks=tuple(RollbackRecord.model_validate(row) for row in await fetch_all(pool, "rollbacks_around", {"epic": epic.id, "n": n})),
    )


async def state_if_kept(pool: Pool, epic_id: str, checkpoint_id: str, release: Release) -> EpicState | None:
    """The state that a moment's checkpoint holds, or None where it was pruned or this release cannot read it."""
    from db.reading import state_at  # noqa: PLC0415  # LangGraph takes seconds to import, and lists need none of it

    try:
        return await state_at(pool, epic_id, checkpoint_id, release)
    except (MomentNotFound, EpicStrange):
        return None


def shown_state(state: EpicState) -> MomentState:
    """What of a state is shown."""
    return MomentState.model_validate({name: getattr(state, name) for name in MomentState.model_fields})


async def _attempt(pool: Pool, epic_id: str, n: int | None) -> AttemptView | None:
    if n is None:
        return None
    return next((attempt for attempt in await list_attempts(pool, epic_id) if attempt.n == n), None)


async def _files(installation: Installation, epic: EpicView, moment: MomentView) -> tuple[tuple[FileStat, ...] | None, str]:
    pool = installation.database.pool
    facts = await fetch_one(pool, "epic_facts", {"epic": epic.id}) or {}
    before = (await moment_view(pool, epic.id, moment.parent)).commit if moment.parent else facts["base_commit"]
    if before == moment.commit:
        return (), ""
    try:
        return await diff_stats(installation, facts, before, moment.commit), ""
    except (RepositoryUnusable, GitFailed, Environment) as error:
        return None, str(error)
