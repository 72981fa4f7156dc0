"""Replaying an epic from what is recorded of it: no model is asked, and nothing is changed."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from db.epics import fetch_one
from engine.assembling import Installation
from engine.fetching_packs import bring_to_read
from engine.time_machine.recorded import Recorded, RecordedAttempt, RecordedMoment
from engine.time_machine.recorded_reading import read_recorded
from engine.time_machine.replay_files import verify_files
from engine.time_machine.replay_ground import Ground, read_configurations
from engine.time_machine.replay_moments import replay_state
from engine.time_machine.replay_turns import told, verify_turns
from engine.time_machine.replay_views import Replay, ReplayedMoment
from epics.errors import HistoryPruned
from epics.steps import Step
from graphs.epic import NODES, build_epic_graph
from timemachine.mirrors import Mirror
from timemachine.scratch import forget_scratch
from timemachine.workspace import open_workspace
from tools.builtin import builtin_tools
from tools.registry import ToolRegistry

_LEFT_AFTER_S: Final = 86_400.0
"""What a replay that was killed left behind is removed after a day."""


@dataclass(frozen=True, kw_only=True)
class Code:
    """What histories are held against: the steps and the tools of this release, if no others are given."""

    nodes: Mapping[Step, Any] = field(default_factory=lambda: NODES)
    tools: ToolRegistry = field(default_factory=builtin_tools)


async def replay_epic(installation: Installation, epic_id: str, *, verify: bool = False, code: Code | None = None) -> Replay:
    """Replay an epic, moment by moment.

    Args:
        installation: where it is recorded.
        epic_id: the epic.
        verify: compare turns and files too, and refuse a history that is not whole.
        code: what to hold it against.

    Raises:
        EpicNotFound: if there is no such epic.
        HistoryPruned: if retention took what is needed.
        RepositoryUnusable: if its repository, or a commit of it, cannot be read any more.
    """
    recorded = await read_recorded(installation.database.pool, epic_id, release=installation.release)
    await _refuse_pruned(installation, recorded, verify=verify)
    workspace = await open_workspace(installation.home, recorded.epic.repo, installation.git_environment)
    facts = await fetch_one(installation.database.pool, "epic_facts", {"epic": epic_id}) or {}
    await bring_to_read(installation.database.pool, workspace.mirror, facts, recorded.commits())
    async with open_ground(installation, recorded, workspace.mirror, verify=verify, code=code or Code()) as ground:
        return await replay_recorded(ground)


@asynccontextmanager
async def open_ground(
    installation: Installation, recorded: Recorded, mirror: Mirror, *, verify: bool, code: Code
) -> AsyncGenerator[Ground]:
    """What the replay of an epic stands on; its scratch work trees are gone when this is closed."""
    place = installation.home / "replays"
    place.mkdir(parents=True, exist_ok=True)
    await forget_scratch(mirror, place, older_than_s=_LEFT_AFTER_S)
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        yield Ground(
            recorded=recorded,
            mirror=mirror,
            graph=build_epic_graph(code.nodes).compile(name="replay"),
            tools=code.tools,
            configurations=await read_configurations(mirror, recorded, installation.agents_dir),
            tip=await mirror.cached_base(recorded.epic.base),
            scratch=Path(scratch),
            environment=installation.environment,
            verify=verify,
        )


async def replay_recorded(ground: Ground) -> Replay:
    """Replay all that is recorded."""
    recorded = ground.recorded
    moments = [await _replay(ground, moment) for moment in recorded.moments]
    differences = (difference for moment in moments for difference in moment.differences)
    return Replay(
        epic=recorded.epic.id,
        goal=recorded.epic.goal,
        status=recorded.epic.status,
        verified=ground.verify,
        moments=tuple(moments),
        without_moment=_without_moment(recorded),
        first_difference=next(differences, None),
        pruned=_is_pruned(recorded),
    )


async def _replay(ground: Ground, moment: RecordedMoment) -> ReplayedMoment:
    tried = await replay_state(ground, moment)
    if ground.verify:
        await verify_turns(ground, moment, tried)
        await verify_files(ground, moment, tried)
    state = moment.state
    led_to = str(state.ended or state.step) if state else "?"
    attempt = ground.recorded.attempts.get(moment.attempt or 0)
    approval = ground.recorded.approvals.get(ground.before(moment) or 0) if moment.outcome == "decided" else None
    decision = approval.decision if approval else None
    kept = ("n", "parent", "back_to", "step", "attempt", "outcome", "note", "commit", "cost_usd", "name")
    return ReplayedMoment(
        **{name: getattr(moment, name) for name in kept},
        led_to=led_to,
        decided_by=f"{decision.by} ({decision.channel})" if decision else None,
        turns=told(attempt) if attempt else (),
        compared=tuple(tried.compared),
        unchecked=tuple(tried.unchecked),
        differences=tuple(tried.differences),
    )


def _without_moment(recorded: Recorded) -> tuple[str, ...]:
    """The attempts that no moment came of."""
    named = {moment.attempt for moment in recorded.moments}
    return tuple(_why(recorded, attempt) for n, attempt in recorded.attempts.items() if n not in named)


def _why(recorded: Recorded, attempt: RecordedAttempt) -> str:
    turns = len(attempt.turns) or attempt.pruned_turns
    about = f"attempt {attempt.n} ({attempt.workflow}, {turns} turn{'' if turns == 1 else 's'})"
    taken = _taken_over(recorded, attempt)
    if taken is not None:
        return f"{about}: it was made by another epic, one of several attempts side by side, and taken over at moment {taken}"
    if attempt.result is not None:
        return f"{about}: it ended as {attempt.result['ended_by']}, and its step was stopped before it counted"
    if recorded.epic.status in {"queued", "paused"} and attempt.n == max(recorded.attempts):
        return f"{about}: it is not at its end yet"
    return f"{about}: it was cut off, and the epic went another way"


def _taken_over(recorded: Recorded, attempt: RecordedAttempt) -> int | None:
    """The moment with which an attempt came to the epic, if another epic made it: numbers rise, and none of its own is given twice."""
    picked = next((moment.n for moment in recorded.moments if moment.outcome == "picked"), None)
    if picked is None:
        return None
    before = max((moment.attempt or 0 for moment in recorded.moments if moment.n < picked), default=0)
    after = min((moment.attempt for moment in recorded.moments if moment.n > picked and moment.attempt), default=attempt.n + 1)
    return picked if before < attempt.n < after else None


async def _refuse_pruned(installation: Installation, recorded: Recorded, *, verify: bool) -> None:
    """Refuse a history of which too much is gone.

    Raises:
        HistoryPruned: with what is gone.
    """
    states = [moment for moment in recorded.moments if moment.state or moment.unreadable]
    lacks = "its checkpoints" if len(states) < len(recorded.moments) else "what its agents were asked and did"
    whole = not _is_pruned(recorded)
    if whole or (not verify and len(states) > 1):
        return
    row = await fetch_one(installation.database.pool, "recorded_epic", {"epic": recorded.epic.id}) or {}
    times = [row[name] for name in ("checkpoints_at", "journal_at") if row.get(name)]
    when = f" at {max(times).isoformat(timespec='seconds')}" if times else ""
    message = f"epic {recorded.epic.id} cannot be replayed{' and compared' if verify else ''}: {lacks} were pruned{when}"
    raise HistoryPruned(message)


def _is_pruned(recorded: Recorded) -> bool:
    states = any(moment.state is None and not moment.unreadable for moment in recorded.moments)
    return states or any(attempt.pruned for attempt in recorded.attempts.values())
