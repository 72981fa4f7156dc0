"""Going back: planned, then done at once where nobody holds the epic, else by the worker that does, as soon as it can stop."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from db.commands import ask_rollback, asked_command
from db.epics import Row, fetch_all, fetch_one
from engine.assembling import Installation
from engine.compatibility import leave_to_newer
from engine.fetching_packs import bring_to_read
from engine.history_views import FileStat, StateChange
from engine.lease_keeper import hold_epic
from engine.reading import epic_view
from engine.time_machine.commands import apply_commands
from engine.time_machine.orders import GoBack, check_guidance
from engine.time_machine.reverting import make_revert, reverting_state
from engine.time_machine.rollback_doing import apply_rollback
from engine.time_machine.rollback_plan import Rollback, draw_up
from engine.time_machine.rollback_views import RollbackPlan, RollbackView
from epics.errors import Conflict, EpicHeld, RepositoryUnusable
from epics.going_back import state_changes
from timemachine.diffs import diff_stat
from timemachine.workspace import open_workspace

_POLL_S: Final = 0.2


async def roll_back(
    installation: Installation, epic_id: str, asked: GoBack, *, dry_run: bool = False, wait_s: float = 60.0
) -> RollbackView:
    """Take an epic back to a moment, or undo that; always by a new moment on a new branch, and nothing is deleted.

    Args:
        installation: where the epic is.
        epic_id: the epic.
        asked: what is asked for, and by whom.
        dry_run: only say what it would change.
        wait_s: how long to wait for a worker that has the epic; it does what was asked also when nobody waits for it any more.

    Raises:
        InvalidInput: if it is not said where to go, or the guidance cannot be kept.
        MomentNotFound: if there is no such moment.
        HistoryPruned: if the state of that moment was pruned.
        Conflict: if the epic cannot go back so.
        EpicStrange: if a newer Genie carries the epic on.
    """
    check_guidance(asked.guidance)
    pool = installation.database.pool
    facts = await fetch_one(pool, "epic_facts", {"epic": epic_id}) or {}
    leave_to_newer(facts, installation.release)
    plan = await plan_rollback(installation, facts, await draw_up(pool, facts, asked))
    if dry_run:
        return RollbackView(plan=plan, done="planned", moment=None, epic=await epic_view(pool, epic_id))
    done = await _do_or_ask(installation, epic_id, asked, wait_s)
    epic = await epic_view(pool, epic_id)
    return RollbackView(plan=plan, done="done" if done else "asked", moment=epic.moment if done else None, epic=epic)


async def plan_rollback(installation: Installation, facts: Row, rollback: Rollback) -> RollbackPlan:
    """What a rollback would change, for people; nothing is changed by it but the cache of git objects on this host.

    Raises:
        Conflict: if it is a revert that cannot be made.
    """
    commit: str | None = rollback.state.head
    files: tuple[FileStat, ...] | None
    state = rollback.state
    if rollback.kind == "revert":
        made = await make_revert(installation, facts, rollback)
        state, commit = await reverting_state(facts, rollback, made), None
        files = tuple(
            FileStat(path=each.path, added=each.added, removed=each.removed)
            for each in await diff_stat(made.workspace.mirror, made.tip, made.commit)
        )
    else:
        files = await _files(installation, facts, rollback.present.head, state.head)
    rows = await fetch_all(installation.database.pool, "open_approvals", {"epic": facts["id"]})
    changes = state_changes(rollback.present, state)
    return RollbackPlan(
        epic=facts["id"],
        kind=rollback.kind,
        level=rollback.level,
        from_moment=rollback.before,
        to_moment=rollback.to,
        step=state.step,
        ended=state.ended,
        commit=commit,
        files=files,
        state=tuple(StateChange(field=name, before=before, after=after) for name, (before, after) in changes.items() if name != "branch"),
        approvals=tuple(row["id"] for row in rows),
        outside=rollback.outside,
    )


async def _do_or_ask(installation: Installation, epic_id: str, asked: GoBack, wait_s: float) -> bool:
    if await _do_here(installation, epic_id, asked):
        return True
    pool, until = installation.database.pool, time.monotonic() + wait_s
    command = await ask_rollback(pool, epic_id, asked.as_json())
    while True:
        row = await asked_command(pool, command)
        if row["applied_at"] is not None:
            if row["problem"]:
                raise Conflict(row["problem"])
            return True
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(_POLL_S)
        # Whoever had it may have let go before the command was there.
        await _do_here(installation, epic_id, None)


async def _do_here(installation: Installation, epic_id: str, asked: GoBack | None) -> bool:
    """Do what was asked of the epic before, and then what is asked now, in this process; say False where somebody else holds it."""
    try:
        async with hold_epic(installation.database, epic_id, seconds=installation.lease_seconds) as hold:
            # What was asked of a worker that died came first.
            await apply_commands(installation, hold.lease)
            if asked is not None:
                await apply_rollback(installation, hold.lease, asked)
    except EpicHeld:
        return False
    return True


async def _files(installation: Installation, facts: Row, old: str, new: str) -> tuple[FileStat, ...] | None:
    if old == new:
        return ()
    try:
        workspace = await open_workspace(installation.home, facts["repo"], installation.git_environment)
        await bring_to_read(installation.database.pool, workspace.mirror, facts, (old, new))
    except RepositoryUnusable:
        return None
    return tuple(FileStat(path=each.path, added=each.added, removed=each.removed) for each in await diff_stat(workspace.mirror, old, new))
