"""Moments that no step of the graph made: cancels, rollbacks, forks and picks, most of them functions of recorded states."""

from __future__ import annotations

from typing import Any, Final

from engine.approvals.asking import arrived_again
from engine.time_machine.recorded import RecordedMoment
from engine.time_machine.replay_ground import Ground
from engine.time_machine.replay_views import Difference, different_states
from epics.going_back import Level, asking_again, gone_back, revert_refused
from epics.state import Ended, EpicState, StepRecord

_FREE: Final = frozenset({"last", "branch"})
"""What whoever goes back chooses: the branch, and how the moment is told."""

_OF_A_REVERT: Final = frozenset({"base", "head", "pull_request", "notice"})
"""What a revert takes from the base branch as it was then."""


def replay_without_step(ground: Ground, moment: RecordedMoment, recorded: EpicState) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    """What differs, and what could not be compared."""
    match moment.outcome:
        case "cancelled":
            before = ground.state_of(moment.parent)
            return (different_states(moment.n, recorded, _cancelled(before, recorded)), ()) if before else ((), (_gone(moment.parent),))
        case "failed":
            before = ground.state_of(moment.parent)
            now = arrived_again(before, moment.note) if before else None
            return (different_states(moment.n, recorded, now), ()) if now else ((), (_gone(moment.parent),))
        case "rolled_back":
            return _rolled_back(ground, moment, recorded)
        case "picked":
            return (), ("the state: it is that of another epic, one of several attempts side by side; replay that one",)
        case _:
            return _forked(ground, moment, recorded)


def _cancelled(before: EpicState, recorded: EpicState) -> EpicState:
    note = recorded.last.note if recorded.last else ""
    last = StepRecord(step=before.step, outcome="cancelled", branch=before.branch, note=note)
    update: dict[str, Any] = {"ended": Ended.CANCELLED, "last": last}
    if before.revert is not None:
        # What was merged stays merged.
        update |= {**revert_refused(before.revert), "ended": Ended.MERGED}
    return before.model_copy(update=update)


def _rolled_back(ground: Ground, moment: RecordedMoment, recorded: EpicState) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    rollback = ground.recorded.rollbacks.get(moment.n)
    if rollback is None:
        return (), ("the state: the rollback is not recorded",)
    present, target = ground.state_of(rollback.before_moment), ground.state_of(rollback.to_moment)
    if target is None:
        return (), (_gone(rollback.to_moment),)
    if rollback.kind == "undo":
        return different_states(moment.n, recorded, asking_again(target), but=_FREE), ()
    if present is None:
        return (), (_gone(rollback.before_moment),)
    if rollback.kind == "revert":
        return _reverting(moment.n, recorded, present)
    now = gone_back(present, target, Level(rollback.level or Level.FULL), rollback.guidance)
    return different_states(moment.n, recorded, now, but=_FREE), ()


def _reverting(n: int, recorded: EpicState, present: EpicState) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    kept = ("plan", "design", "raises")
    now = recorded.model_copy(update={"starts": {}, "start_bases": {}, **{name: getattr(present, name) for name in kept}})
    return different_states(n, recorded, now, but=_FREE | _OF_A_REVERT), ("the commit that takes back what was merged: it was made then",)


def _forked(ground: Ground, moment: RecordedMoment, recorded: EpicState) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    parent = ground.state_of(moment.parent)
    if parent is None:
        return (), (_gone(moment.parent),)
    pull = parent.pull_request
    update = {
        "ended": None,
        "guidance": recorded.guidance[: len(parent.guidance) + 1] if len(recorded.guidance) > len(parent.guidance) else parent.guidance,
        "pull_request": pull.model_copy(update={"branch": recorded.branch}) if pull else None,
        "revert": None,
    }
    return different_states(moment.n, recorded, asking_again(parent.model_copy(update=update)), but=_FREE), ()


def _gone(n: int | None) -> str:
    return f"the state: that of moment {n}, which it was made from, is not in this history"
