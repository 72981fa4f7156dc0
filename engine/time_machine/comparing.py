"""Two epics side by side: what each did, what came of it, and where they part."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from db.connection import Pool
from db.epics import Row, fetch_all, fetch_one
from engine.assembling import Installation
from engine.fetching_packs import bring_to_read
from engine.history import list_moments, mirror_to_read, moment_view, stats_between
from engine.reading import list_attempts
from engine.time_machine.comparison_views import ComparedEpic, Comparison, Parting, StepTally
from engine.time_machine.differing import DIFF_CAP
from engine.time_machine.showing import state_if_kept
from engine.views import EpicView, MomentView
from epics.errors import InvalidInput
from epics.state import EpicState
from epics.steps import GATES, Step
from timemachine.diffs import DiffText, diff_text
from timemachine.mirrors import Mirror


async def compare(installation: Installation, left: EpicView, right: EpicView, *, with_diff: bool) -> Comparison:
    """Two epics of one repository side by side.

    Args:
        installation: where the repository's mirror is.
        left: the one epic.
        right: the other.
        with_diff: whether the text of what differs between their heads is wanted too.

    Raises:
        InvalidInput: if they are one epic, or of two repositories.
        RepositoryUnusable: if a commit of one cannot be had any more.
    """
    if left.id == right.id:
        message = f"{left.id} is one epic: give two that differ"
        raise InvalidInput(message)
    if left.repo != right.repo:
        message = f"{left.id} is of {left.repo} and {right.id} of {right.repo}: only epics of one repository can be compared"
        raise InvalidInput(message)
    pool = installation.database.pool
    states = [await _state(installation, epic) for epic in (left, right)]
    facts = [await fetch_one(pool, "epic_facts", {"epic": epic.id}) or {} for epic in (left, right)]
    parting = await _parting(pool, left.id, right.id, facts[0])
    commits = [_commits(epic, state, row) for epic, state, row in zip((left, right), states, facts, strict=True)]
    mirror = await mirror_to_read(installation, facts[0], commits[0])
    await bring_to_read(pool, mirror, facts[1], commits[1])
    heads = commits[0][1], commits[1][1]
    shown = await diff_text(mirror, *heads, DIFF_CAP) if with_diff else DiffText(text="", cut=False)
    sides = [
        await _side(pool, mirror, epic, state, commit, parting) for epic, state, commit in zip((left, right), states, commits, strict=True)
    ]
    return Comparison(
        left=sides[0], right=sides[1], parting=parting, files=await stats_between(mirror, *heads), diff=shown.text, cut=shown.cut
    )


async def _parting(pool: Pool, left: str, right: str, facts: Row) -> Parting | None:
    """The last moment that both epics have; of two forks of one epic, the last on the way to both."""
    lines = [{row["id"]: row["at"] for row in await fetch_all(pool, "ancestors", {"epic": epic})} for epic in (left, right)]
    shared = next((epic for epic in lines[0] if epic in lines[1]), None)
    if shared is None:
        return None
    left_at, right_at = (line[shared] for line in lines)
    if left_at is not None and right_at is not None:
        n = max(await _lineage(pool, shared, left_at) & await _lineage(pool, shared, right_at))
    else:
        # One of them is the epic that the other comes from.
        n = left_at or right_at or 0
    commit = (await moment_view(pool, shared, n)).commit if n else facts["base_commit"]
    return Parting(epic=shared, moment=n, commit=commit)


async def _lineage(pool: Pool, epic_id: str, n: int) -> frozenset[int]:
    """A moment and all that it came from, the beginning too."""
    return frozenset({0, *[row["n"] for row in await fetch_all(pool, "lineage", {"epic": epic_id, "n": n})]})


async def _state(installation: Installation, epic: EpicView) -> EpicState | None:
    if epic.moment is None:
        return None
    pool = installation.database.pool
    moment = await moment_view(pool, epic.id, epic.moment)
    return await state_if_kept(pool, epic.id, moment.checkpoint_id, installation.release)


def _commits(epic: EpicView, state: EpicState | None, facts: Row) -> tuple[str, str]:
    """The base that the work stands on, and its head."""
    begun = str(facts["base_commit"])
    return (state.base if state and state.base else begun), epic.head or begun


async def _side(
    pool: Pool, mirror: Mirror, epic: EpicView, state: EpicState | None, commits: tuple[str, str], parting: Parting | None
) -> ComparedEpic:
    every = await list_moments(pool, epic.id)
    # A fork did nothing itself of what it took over; the epic that they come from did all after the moment at which they part.
    last_shared = parting.moment if parting and parting.epic == epic.id else epic.forked_at or 0
    moments = tuple(moment for moment in every if moment.n > last_shared)
    since = max((moment.created_at for moment in every if moment.n <= last_shared), default=epic.created_at)
    paid_before = next((moment.cost_usd for moment in every if moment.n == last_shared and moment.step_cost_usd is not None), Decimal(0))
    return ComparedEpic(
        **{name: getattr(epic, name) for name in _SAME},
        base=commits[0],
        head=commits[1],
        cost_usd=epic.cost_usd - paid_before,
        total_usd=epic.cost_usd,
        attempts=await _attempts_since(pool, epic.id, max(since, epic.created_at)),
        moments=len(moments),
        rollbacks=sum(moment.back_to is not None for moment in moments),
        steps=_tallies(moments),
        tests=state.tests if state else None,
        review=state.review if state else None,
        changes=await stats_between(mirror, *commits),
    )


_SAME = (
    *("id", "goal", "status", "step", "executor", "model", "forked_from", "forked_at", "moment", "tokens", "failure"),
    *("created_at", "updated_at"),
)


async def _attempts_since(pool: Pool, epic_id: str, began: datetime) -> int:
    return sum(attempt.started_at >= began for attempt in await list_attempts(pool, epic_id))


def _tallies(moments: Sequence[MomentView]) -> tuple[StepTally, ...]:
    """How each step went, in the order of the steps; gates are no work, and neither is saying why something failed."""
    tallies: list[StepTally] = []
    for step in (each for each in Step if each not in GATES | {Step.TIME_MACHINE}):
        of_it = [moment for moment in moments if moment.step == step and moment.outcome not in {"rolled_back", "forked", "picked"}]
        if of_it:
            failed = sum(moment.outcome == "failed" for moment in of_it)
            cost = sum((moment.step_cost_usd or Decimal(0) for moment in of_it), Decimal(0))
            tallies.append(StepTally(step=step, times=len(of_it), failed=failed, outcome=of_it[-1].outcome, cost_usd=cost))
    return tuple(tallies)
