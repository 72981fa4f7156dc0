"""What the faces show of one moment: all that was true there, and what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from engine.history_views import FileStat
from engine.views import AnyStep, ApprovalView, AttemptView, MomentView
from epics.records import Record
from epics.state import BudgetStop
from epics.verdicts import Design, FailureAnalysis, Plan, PullRequest, Review, TestReport


class MomentState(Record):
    """The state of an epic at a moment: what the steps after it went by."""

    step: AnyStep = Field(description="The step that came next.")
    ended: str | None
    base: str
    head: str
    plan: Plan | None
    design: Design | None
    tests: TestReport | None
    review: Review | None
    pull_request: PullRequest | None
    failure: FailureAnalysis | None
    budget: BudgetStop | None
    conflicts: tuple[str, ...]
    guidance: tuple[str, ...]
    comments: tuple[str, ...]
    rounds: dict[str, int] = Field(description="How often a capped loop was taken; counted anew after a rollback.")
    failures: dict[str, int] = Field(description="Failed attempts of each step since a person last helped.")


class Counts(Record):
    """Numbers that only ever rise: no rollback takes them back."""

    attempts_ever: int
    moments_ever: int
    rollbacks_ever: int


class RollbackRecord(Record):
    """One going back: from where, to where, by whom, and what became of the deeds outside."""

    moment: int = Field(description="The moment that it made.")
    kind: str = Field(description="rollback undo revert")
    level: str = Field(description="step state snapshot full")
    to: int
    before: int = Field(description="The moment that the epic was at; an undo goes back to it.")
    by: str
    guidance: str
    effects: tuple[dict[str, Any], ...]
    created_at: datetime


class MomentDetail(MomentView):
    """One moment of an epic with all that is known of it."""

    epic: str
    state: MomentState | None = Field(description="Null where it was pruned, or another release wrote it.")
    counts: Counts
    approval: ApprovalView | None = Field(description="What a person was asked there.")
    decision: ApprovalView | None = Field(description="The decision that led to it.")
    attempt_view: AttemptView | None = Field(description="The attempt that made it.")
    files: tuple[FileStat, ...] | None = Field(description="What it changed against its parent; null where that cannot be read now.")
    files_trouble: str = Field(default="", description="Why the files cannot be read.")
    children: tuple[int, ...] = Field(description="The moments that came of it.")
    rollbacks: tuple[RollbackRecord, ...] = Field(description="Those that made it, went back to it, or left it.")
