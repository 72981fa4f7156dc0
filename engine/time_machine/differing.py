"""What changed between two moments of an epic: its state, and its files."""

from __future__ import annotations

from typing import Final

from db.epics import Row, fetch_one
from engine.assembling import Installation
from engine.history import mirror_to_read, moment_view, stats_between
from engine.history_views import DiffView, StateChange
from engine.time_machine.showing import state_if_kept
from engine.views import EpicView
from epics.going_back import state_changes
from epics.state import EpicState
from timemachine.diffs import diff_text

DIFF_CAP: Final = 400_000


async def diff_between(installation: Installation, epic: EpicView, begin: int | None, end: int | None) -> DiffView:
    """What changed from one moment of an epic to another.

    Args:
        installation: where the repository's mirror is.
        epic: the epic.
        begin: the earlier moment; 0 or None for where the epic began.
        end: the later moment; None for the newest.

    Raises:
        MomentNotFound: if there is no such moment.
        RepositoryUnusable: if a commit of it cannot be had any more.
    """
    facts = await fetch_one(installation.database.pool, "epic_facts", {"epic": epic.id}) or {}
    first, last = begin or 0, epic.moment or 0 if end is None else end
    before, old = await _at(installation, facts, first)
    after, new = await _at(installation, facts, last)
    mirror = await mirror_to_read(installation, facts, (before, after))
    shown = await diff_text(mirror, before, after, DIFF_CAP)
    return DiffView(
        epic=epic.id,
        from_moment=first,
        to_moment=last,
        from_commit=before,
        to_commit=after,
        state=None if old is None or new is None else changes_of(old, new),
        files=await stats_between(mirror, before, after),
        diff=shown.text,
        cut=shown.cut,
    )


def changes_of(before: EpicState, after: EpicState) -> tuple[StateChange, ...]:
    """The fields of the state that differ, in the order in which the state has them."""
    return tuple(StateChange(field=name, before=old, after=new) for name, (old, new) in state_changes(before, after).items())


async def _at(installation: Installation, facts: Row, n: int) -> tuple[str, EpicState | None]:
    """The commit and the state of a moment; at 0 those that the epic began with."""
    if n == 0:
        begun = str(facts["base_commit"])
        return begun, EpicState(base=begun, head=begun)
    pool = installation.database.pool
    moment = await moment_view(pool, facts["id"], n)
    return moment.commit, await state_if_kept(pool, facts["id"], moment.checkpoint_id, installation.release)
