"""Going back: which state an epic has after it, for the commands, the gates and the time machine's own node alike."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from epics.failures import restart_from
from epics.state import Ended, EpicState, Revert, StepRecord
from epics.steps import AGENT_STEPS, TRANSITIONS, Step


class Level(StrEnum):
    """How far a rollback reaches; stored data."""

    STEP = "step"
    """State and files; by default to before the last step, which is then made again."""
    STATE = "state"
    """What was planned, found and decided; the files stay as they are."""
    SNAPSHOT = "snapshot"
    """The files; what was planned, found and decided stays."""
    FULL = "full"
    """State and files, and what was done outside is undone where that can be."""


_FILES: Final = ("base", "head", "branch", "conflicts")
"""The fields that say which files the work has."""

_ABOUT_FILES: Final = frozenset({Step.REVIEW, Step.FIX, Step.REFACTOR, Step.DOCUMENT, Step.PR, Step.MERGE_GATE, Step.MERGE})
"""Steps that build on a test of the files at hand."""

_ASKS_ABOUT_FAILURE: Final = frozenset({Step.TIME_MACHINE, Step.FAILURE_GATE})
"""Steps that lead to the step that failed, or to an earlier one."""


def gone_back(present: EpicState, target: EpicState, level: Level, guidance: str = "") -> EpicState:
    """The state of an epic that goes back from `present` to `target`; `last` and the branch are for the caller to set.

    What people gave stays: raised limits, guidance, and the analysis that the next attempt must read. The counters that cap loops begin
    again, since a person has helped. An end is taken back. Where state and files come from two moments, nothing that was found out about
    other files counts: the tests are run again before anything is merged.
    """
    given: dict[str, Any] = {
        "ended": None,
        "guidance": (*present.guidance, guidance) if guidance else present.guidance,
        "raises": present.raises,
        "failures": {},
        "rounds": {},
        "revert": None,
    }
    if level is Level.SNAPSHOT:
        return asking_again(_with_files(present, target).model_copy(update=given))
    if level is Level.STATE:
        target = _with_files(target, present)
    return asking_again(target.model_copy(update={**given, "failure": present.failure or target.failure}))


def asking_again(state: EpicState) -> EpicState:
    """The state of an epic that goes back, or is forked, to where its merge was approved: nobody approved it in what is the present now."""
    return state.model_copy(update={"step": Step.MERGE_GATE}) if state.step is Step.MERGE and state.ended is None else state


def _with_files(state: EpicState, files: EpicState) -> EpicState:
    update: dict[str, Any] = {name: getattr(files, name) for name in _FILES}
    if files.head == state.head and files.base == state.base:
        return state.model_copy(update=update)
    update |= {"tests": None, "review": None, "pull_request": None, "budget": None}
    stopped = state.step is Step.BUDGET_GATE and state.budget is not None
    comes_next = resume_step(state) if stopped or state.step in _ASKS_ABOUT_FAILURE else state.step
    if comes_next in _ABOUT_FILES:
        # What failed, failed on the other files.
        update |= {"step": Step.TEST, "trouble": None, "retry_at": None}
    elif stopped:
        # The work that it would go on from is that of the other files.
        update["step"] = comes_next
    return state.model_copy(update=update)


def restarted(state: EpicState, failed_step: Step, target: Step) -> dict[str, Any]:
    """The update that takes the work back to where `target` begins; from an earlier step on, later verdicts no longer hold."""
    if target is failed_step:
        return {"trouble": None}
    cleared: dict[str, Any] = {"tests": None, "review": None, "pull_request": None, "rounds": {**state.rounds, Step.FIX: 0}}
    head, base = restart_from(state, target)
    return {**cleared, "trouble": None, "conflicts": (), "head": head, "base": base}


def taken_back_at_gate(present: EpicState, back: EpicState, last: StepRecord, to: int, guidance: str) -> dict[str, Any]:
    """The update of a failure gate at which a person chose to go back to moment `to`, whose state is `back`: an agent step comes next."""
    gone = gone_back(present, back, Level.FULL, guidance)
    record = last.model_copy(update={"branch": back.branch, "back_to": to, "parent": to})
    return {**fields_of(gone), "step": resume_step(back), "trouble": None, "budget": None, "last": record}


def resume_step(state: EpicState) -> Step:
    """The agent step that an epic goes on with from an earlier state: the one that came next, or the one whose work a gate asked about."""
    if state.step in AGENT_STEPS:
        return state.step
    if state.step is Step.PLAN_GATE:
        return Step.ARCHITECT
    if state.step in {Step.MERGE_GATE, Step.MERGE}:
        return Step.PR
    if state.step is Step.BUDGET_GATE and state.budget:
        return state.budget.step
    return state.trouble.step if state.trouble else Step.PLANNING


def revert_refused(revert: Revert) -> dict[str, Any]:
    """The update that leaves an epic as it was merged, where people do not want it taken back."""
    merged = {"base": revert.base, "head": revert.head, "branch": revert.branch, "pull_request": revert.pull_request}
    return {**merged, "revert": None, "notice": ""}


def given_up(state: EpicState) -> dict[str, Any]:
    """The update of an epic that a person gives up: it has failed, but what was merged stays merged."""
    return {"ended": Ended.FAILED} if state.revert is None else {**revert_refused(state.revert), "ended": Ended.MERGED}


def as_merged(state: EpicState) -> EpicState:
    """An epic whose work is merged and which asks whether that shall be taken back, as if it had not asked."""
    if state.revert is None or state.ended is not None:
        return state
    return state.model_copy(update={**revert_refused(state.revert), "ended": Ended.MERGED})


def fields_of(state: EpicState) -> dict[str, Any]:
    """The fields of a state by name, as an update of the graph takes them."""
    return {name: getattr(state, name) for name in EpicState.model_fields}


def arrival(state: EpicState) -> Step:
    """A step from which the table of transitions leads to where a state goes on: as whose update the state is put into the graph."""
    if state.ended is not None:
        return Step.MERGE_GATE
    return next(here for here, there in TRANSITIONS.items() if state.step in there)


def state_changes(before: EpicState, after: EpicState) -> Mapping[str, tuple[Any, Any]]:
    """The fields that differ, as JSON, by name; the record of the last step is no part of it."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return {name: (old[name], new[name]) for name in old if name != "last" and old[name] != new[name]}
