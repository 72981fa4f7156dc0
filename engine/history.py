"""Reading an epic's past: moments, costs, and what changed between moments."""

from __future__ import annotations

from typing import Final

from db.connection import Pool
from db.epics import fetch_all, fetch_one
from engine.assembling import Installation
from engine.fetching_packs import bring_to_read
from engine.history_views import CostLine, CostsView, DiffView, FileStat
from engine.views import EpicView, MomentView
from epics.errors import MomentNotFound
from timemachine.diffs import diff_stat, diff_text
from timemachine.workspace import open_workspace

_DIFF_CAP: Final = 400_000


async def moment_view(pool: Pool, epic_id: str, n: int) -> MomentView:
    """One moment of an epic.

    Raises:
        MomentNotFound: if it has none with that number.
    """
    row = await fetch_one(pool, "moment_view", {"epic": epic_id, "n": n})
    if row is None:
        message = f"epic {epic_id} has no moment {n}"
        raise MomentNotFound(message)
    return MomentView.model_validate(row)


async def costs_view(pool: Pool, epic: EpicView) -> CostsView:
    """What an epic cost, by attempt and model."""
    lines = tuple(
        CostLine.model_validate(
            {
                **{name: row[name] for name in ("attempt", "step", "workflow", "model", "cost_usd", "reserved_usd", "calls", "open_calls")},
                "input_tokens": row["input"],
                "cached_tokens": row["cached"],
                "output_tokens": row["output"],
            }
        )
        for row in await fetch_all(pool, "costs_of_epic", {"epic": epic.id})
    )
    return CostsView(epic=epic.id, cost_usd=epic.cost_usd, reserved_usd=epic.reserved_usd, budget_usd=epic.budget_usd, lines=lines)


async def diff_between(installation: Installation, epic: EpicView, begin: int | None, end: int | None) -> DiffView:
    """What changed from one moment of an epic to another.

    Args:
        installation: where the repository's mirror is.
        epic: the epic.
        begin: the earlier moment; 0 or None for the commit that the epic began from.
        end: the later moment; None for the newest.

    Raises:
        MomentNotFound: if there is no such moment.
        RepositoryUnusable: if a commit of it cannot be had any more.
    """
    pool = installation.database.pool
    facts = await fetch_one(pool, "epic_facts", {"epic": epic.id}) or {}
    first, last = begin or 0, epic.moment or 0 if end is None else end
    before, after = [(await moment_view(pool, epic.id, n)).commit if n else str(facts["base_commit"]) for n in (first, last)]
    workspace = await open_workspace(installation.home, epic.repo, installation.git_environment)
    await bring_to_read(pool, workspace.mirror, facts, (before, after))
    shown = await diff_text(workspace.mirror, before, after, _DIFF_CAP)
    stats = await diff_stat(workspace.mirror, before, after)
    return DiffView(
        epic=epic.id,
        from_moment=first,
        to_moment=last,
        from_commit=before,
        to_commit=after,
        files=tuple(FileStat(path=each.path, added=each.added, removed=each.removed) for each in stats),
        diff=shown.text,
        cut=shown.cut,
    )
