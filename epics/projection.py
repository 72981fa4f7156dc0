"""The rows that a checkpoint makes true: a pure function from the state of an epic."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from epics.approvals import OPTIONS
from epics.money import dollars
from epics.records import Record
from epics.state import Ended, EpicState, StepRecord
from epics.steps import GATES, Step


def project(epic_id: str, checkpoint_id: str, state: EpicState, *, finished: bool) -> dict[str, Any]:
    """The rows for one checkpoint, as the JSON that `project_checkpoint()` in the database takes.

    Args:
        epic_id: the epic, which is the LangGraph thread.
        checkpoint_id: the checkpoint that the rows are written with; ids are made from it, so that the same checkpoint gives the same rows.
        state: the state that the checkpoint holds.
        finished: whether a step was finished, and not only the input taken in; each finished step is a moment.
    """
    last = state.last if finished else None
    went_back = last is not None and last.outcome in _NO_STEP
    approval = _approval(epic_id, checkpoint_id, state) if state.step in GATES and state.ended is None and last else None
    return {
        "status": _status(state),
        "step": state.step,
        "branch": state.branch,
        "head": state.head,
        "base": state.base,
        "reverted": state.revert.head if last and state.revert and last.step is Step.MERGE and state.ended is Ended.MERGED else None,
        "failure": _json(state.failure),
        "moment": last and {**_json(last), "commit": state.head, "tree": _tree(last)},
        "leaves_gate": last is not None and (last.step in GATES or state.ended is not None or went_back),
        "approval": approval,
        "analysis": _json(state.failure) if last and _analysed(last) else None,
        "pull_request": _json(state.pull_request) if last and _shows_pull_request(state, last) else None,
        **({"closes_pull_request": True} if last and _left_pull_request(state, last) else {}),
        "events": _events(state, approval) if last else [],
    }


_NO_STEP: Final = frozenset({"rolled_back", "forked", "picked"})
"""Outcomes of moments at which no step was made."""

_NOT_TAKEN: Final = frozenset({"failed", "budget"})
"""Outcomes of attempts whose work does not become the head."""


def content_hash(state: EpicState) -> str:
    """The hash of what the gate at hand asks about; when it changes, a decision on the old content does not count."""
    match state.step:
        case Step.PLAN_GATE:
            content: tuple[Any, ...] = (_json(state.plan), _json(state.design))
        case Step.MERGE_GATE:
            content = (state.base, state.head)
        case Step.FAILURE_GATE:
            content = (_json(state.failure), state.head)
        case _:
            content = (_json(state.budget), state.head)
    return hashlib.sha256(repr((str(state.step), *content)).encode()).hexdigest()


def _tree(last: StepRecord) -> str:
    """The tree of a moment is that of its commit; empty where only the database knows it."""
    return "" if last.attempt is not None and last.outcome in _NOT_TAKEN else last.tree


def _status(state: EpicState) -> str:
    if state.ended is not None:
        return state.ended
    return "waiting" if state.step in GATES else "queued"


def _approval(epic_id: str, checkpoint_id: str, state: EpicState) -> dict[str, Any]:
    question, summary = _question(state)
    if state.notice:
        summary = f"{state.notice}\n\n{summary}"
    return {
        "id": f"a-{hashlib.sha256(f'{epic_id} {checkpoint_id}'.encode()).hexdigest()[:10]}",
        "gate": state.step,
        "content_hash": content_hash(state),
        "question": question,
        "options": list(OPTIONS[state.step]),
        "summary": summary,
        "scope": state.budget.scope if state.step is Step.BUDGET_GATE and state.budget else "",
    }


def _question(state: EpicState) -> tuple[str, str]:
    match state.step:
        case Step.PLAN_GATE if state.plan and state.design:
            return "Shall this plan be carried out?", f"{state.plan.summary}\n\n{state.design.summary}"
        case Step.MERGE_GATE if state.pull_request:
            pull = state.pull_request
            size = f"{pull.files} files, +{pull.insertions} -{pull.deletions}"
            return f"Shall this be merged to {pull.base}?", f"{pull.title} ({size})\n\n{pull.body}"
        case Step.FAILURE_GATE if state.failure:
            failure = state.failure
            return (
                f"The epic failed at {failure.point} ({failure.type}). What now?",
                f"Cause: {failure.cause}\nEvidence: {failure.evidence}\nPrevention: {failure.prevention}",
            )
        case Step.BUDGET_GATE if state.budget:
            stop = state.budget
            limit, spent = dollars(stop.limit_usd), dollars(stop.spent_usd)
            short = Decimal(stop.spent_usd) + Decimal(stop.needed_usd) - Decimal(stop.limit_usd)
            needs = f"the next call needs up to {dollars(stop.needed_usd)}: a raise of at least {dollars(short)} lets it be made"
            return (
                f"The {stop.scope}'s limit of {limit} leaves no room for the next call of {stop.step}. Raise it?",
                f"{spent} of {limit} is spent or reserved, and {needs}. The work done so far is kept, and goes on from there.",
            )
        case _:
            return f"The epic waits at {state.step}. What now?", ""


def _events(state: EpicState, approval: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    last = state.last
    if last is None:
        return []
    after = state.ended or state.step
    finished = {"step": last.step, "outcome": last.outcome, "next": after, "attempt": last.attempt, "note": last.note}
    events: list[dict[str, Any]] = [] if last.outcome in _NO_STEP else [{"type": "step_finished", "data": finished}]
    if _analysed(last) and state.failure:
        failure = state.failure
        analysed = {"type": failure.type, "cause": failure.cause, "prevention": failure.prevention, "by": failure.by, "next": after}
        events.append({"type": "failure_analysed", "data": analysed})
    if approval:
        opened = {"approval": approval["id"], "gate": approval["gate"], "question": approval["question"]}
        events.append({"type": "approval_opened", "data": opened})
    if state.ended is not None:
        events.append({"type": "epic_ended", "data": {"status": state.ended, "why": last.note, "commit": state.head}})
    return events


def _shows_pull_request(state: EpicState, last: StepRecord) -> bool:
    # A revert that was refused leaves the one that was merged.
    return (last.step is Step.PR and last.outcome == "done") or (last.step is Step.MERGE_GATE and state.ended is Ended.MERGED)


def _left_pull_request(state: EpicState, last: StepRecord) -> bool:
    # Going back at a gate closes what a rollback by command would; what such a one closes depends on its level, which is told beside this.
    return last.outcome == "decided" and last.back_to is not None and state.pull_request is None


def _analysed(last: StepRecord) -> bool:
    # A cancel is recorded at the step that it found, which then did nothing.
    return last.step is Step.TIME_MACHINE and last.outcome == "done"


def _json(record: Record | None) -> Any:  # JSON has no narrower type
    return None if record is None else record.model_dump(mode="json")
