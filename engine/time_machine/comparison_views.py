"""What the faces show of two epics side by side."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from engine.history_views import FileStat
from engine.views import AnyStep, Money, Tokens
from epics.records import Record
from epics.verdicts import FailureAnalysis, Review, TestReport


class StepTally(Record):
    """How a step went since two epics parted."""

    step: AnyStep
    times: int
    failed: int
    outcome: str = Field(description="Of the last time.")
    cost_usd: Money


class ComparedEpic(Record):
    """One of two epics: where it is, and what it did and cost since they parted, or since it began where they never were one."""

    id: str
    goal: str
    status: str
    step: AnyStep
    executor: str | None
    model: str | None
    forked_from: str | None
    forked_at: int | None
    moment: int | None
    base: str = Field(description="The commit of the base branch that its work stands on; `changes` are counted against it.")
    head: str
    cost_usd: Money
    total_usd: Money = Field(description="All that it paid, also before they parted; what it took over as a fork was paid by its source.")
    tokens: Tokens = Field(description="Of all that it paid.")
    attempts: int
    moments: int
    rollbacks: int
    steps: tuple[StepTally, ...]
    tests: TestReport | None = Field(description="What the repository's tests said last; null where they did not, or it was pruned.")
    review: Review | None
    failure: FailureAnalysis | None
    changes: tuple[FileStat, ...]
    created_at: datetime
    updated_at: datetime


class Parting(Record):
    """The last moment that two epics have in common."""

    epic: str = Field(description="The epic whose moment it is: one of the two, or one that both come from.")
    moment: int = Field(description="0 is where it began.")
    commit: str


class Comparison(Record):
    """Two epics of one repository side by side."""

    left: ComparedEpic
    right: ComparedEpic
    parting: Parting | None = Field(description="Null where neither comes from the other, nor both from a third.")
    files: tuple[FileStat, ...] = Field(description="What differs between their heads.")
    diff: str = Field(description="Empty unless it was asked for.")
    cut: bool = Field(description="Whether the diff was longer than what is shown.")
