"""Reading an epic's past: moments, costs, and what changed between moments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from db.connection import Pool
from db.epics import Row, fetch_all, fetch_one
from engine.assembling import Installation
from engine.fetching_packs import bring_to_read
from engine.history_views import CostLine, CostsView, FileStat
from engine.views import EpicView, MomentView, Page
from epics.errors import InvalidInput, MomentNotFound
from timemachine.diffs import diff_stat
from timemachine.mirrors import Mirror
from timemachine.workspace import open_workspace

MOMENTS_OF_A_PAGE: Final = 1_000
_LARGEST: Final = 2_147_483_647
"""Of the database's integers."""


async def list_moments(pool: Pool, epic_id: str) -> tuple[MomentView, ...]:
    """The moments of an epic, in rising order."""
    return _moments(await fetch_all(pool, "page_of_moments", {"epic": epic_id, "after": 0, "limit": None}))


async def page_of_moments(pool: Pool, epic_id: str, *, limit: int, cursor: str | None) -> Page[MomentView]:
    """A page of the moments of an epic, in rising order.

    Raises:
        InvalidInput: if the limit is out of range, or the cursor is none.
    """
    if not 1 <= limit <= MOMENTS_OF_A_PAGE:
        message = f"the limit must be from 1 to {MOMENTS_OF_A_PAGE}, not {limit}"
        raise InvalidInput(message)
    after = cursor or "0"
    if not (after.isascii() and after.isdecimal()) or len(after) > len(str(_LARGEST)) or int(after) > _LARGEST:
        message = f"{cursor!r} is no cursor: give what `next` said, or none"
        raise InvalidInput(message)
    rows = await fetch_all(pool, "page_of_moments", {"epic": epic_id, "after": int(after), "limit": limit + 1})
    items = _moments(rows[:limit])
    return Page[MomentView](items=items, next=str(items[-1].n) if len(rows) > limit else None)


async def moment_view(pool: Pool, epic_id: str, n: int) -> MomentView:
    """One moment of an epic.

    Raises:
        MomentNotFound: if it has none with that number.
    """
    row = await fetch_one(pool, "page_of_moments", {"epic": epic_id, "after": n - 1, "limit": 1})
    if row is None or row["n"] != n:
        message = f"epic {epic_id} has no moment {n}: see `genie time history {epic_id}`"
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


async def mirror_to_read(installation: Installation, facts: Row, commits: Sequence[str]) -> Mirror:
    """The mirror of an epic's repository, with these commits in it.

    Raises:
        RepositoryUnusable: if a commit cannot be had any more.
    """
    workspace = await open_workspace(installation.home, facts["repo"], installation.git_environment)
    await bring_to_read(installation.database.pool, workspace.mirror, facts, commits)
    return workspace.mirror


async def diff_stats(installation: Installation, facts: Row, before: str, after: str) -> tuple[FileStat, ...]:
    """How many lines of each file came and went between two commits of an epic; errors as in `mirror_to_read`."""
    return await stats_between(await mirror_to_read(installation, facts, (before, after)), before, after)


async def stats_between(mirror: Mirror, before: str, after: str) -> tuple[FileStat, ...]:
    """How many lines of each file came and went between two commits that are there."""
    return tuple(FileStat(path=each.path, added=each.added, removed=each.removed) for each in await diff_stat(mirror, before, after))


def _moments(rows: Sequence[Row]) -> tuple[MomentView, ...]:
    return tuple(MomentView.model_validate(row) for row in rows)
