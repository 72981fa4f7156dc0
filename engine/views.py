"""What the faces show: the objects of the API, which `--json` prints too."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field, PlainSerializer

from epics.approval_terms import DEFAULT_TERMS, Terms
from epics.approvals import ApprovalStatus, Choice
from epics.knowledge import Group
from epics.records import Record
from epics.state import BudgetStop
from epics.steps import Step
from epics.verdicts import Design, FailureAnalysis, Plan, PullRequest, TestReport
from epics.votes import Vote


def _money(value: Decimal) -> str:
    return format(value, "f")


Money = Annotated[Decimal, PlainSerializer(_money, return_type=str, when_used="json")]
"""US dollars; a decimal string in JSON, not rounded."""

AnyStep = Annotated[Step | str, Field(union_mode="left_to_right")]
"""A step; a row that another release wrote may have one that this release does not know, and is shown all the same."""

ItemT = TypeVar("ItemT")


class Tokens(Record):
    """Tokens that all calls of an epic used."""

    input: int = 0
    output: int = 0


class PrunedHistory(Record):
    """When which part of a finished epic's history was pruned; None for what is still there, but for the newest checkpoint, which stays."""

    checkpoints_at: datetime | None
    journal_at: datetime | None
    events_at: datetime | None


class EpicView(Record):
    """One epic, as its rows say."""

    id: str
    goal: str
    repo: str
    base: str
    status: str = Field(description="queued running waiting paused merged rejected failed cancelled")
    step: AnyStep
    attempt: int | None
    branch: str | None
    head: str | None
    moment: int | None
    cost_usd: Money
    reserved_usd: Money = Field(
        default=Decimal(0), description="Held for calls whose price is not known: in flight, or cut off by a crash; limits count it."
    )
    budget_usd: Money | None
    tokens: Tokens
    waiting_on: str | None
    failure: FailureAnalysis | None
    problem: str | None = Field(description="Why a paused epic was parked, or a queued one is put off.")
    queue_place: int | None = Field(default=None, description="How many go before it, and itself; only while it is queued.")
    retry_at: datetime | None = Field(default=None, description="Until when it is put off, because of what waiting can cure.")
    executor: str | None
    model: str | None
    autonomy: str
    labels: dict[str, str]
    pruned: PrunedHistory | None = None
    requested_by: str | None = Field(default=None, description="Who started or forked it; null for epics of older releases.")
    requested_via: str | None = Field(default=None, description="By what channel: cli, http, slack, hook, mcp or auto.")
    forked_from: str | None = Field(default=None, description="The epic that it is a fork of.")
    forked_at: int | None = Field(default=None, description="The moment of that epic at which it was forked.")
    race: str | None = Field(
        default=None, description="planned running picked called_off: how the race of its attempts stands, if it was started with several."
    )
    created_at: datetime
    updated_at: datetime


class WorkerView(Record):
    """A process that runs epics, as it said itself when it was last heard of."""

    id: str
    name: str
    host: str
    pid: int
    version: str
    concurrency: int
    running: int
    draining: bool
    holding_back: str = Field(description="Why it takes no epic at the moment; empty if it does.")
    alive: bool
    started_at: datetime
    seen_at: datetime


class MomentView(Record):
    """One moment of an epic."""

    n: int
    parent: int | None = Field(default=None, description="The moment whose state it came from; null for the first.")
    back_to: int | None = Field(default=None, description="The moment that was gone back to, where it is a rollback.")
    step: AnyStep
    workflow: str | None
    attempt: int | None
    outcome: str
    branch: str | None
    commit: str
    tree: str
    checkpoint_id: str
    cost_usd: Money = Field(description="What the epic had cost by then.")
    step_cost_usd: Money | None = Field(default=None, description="What was paid since the moment before; null where another epic paid it.")
    decided_by: str | None = Field(default=None, description="Who decided it, where a person's decision led to it.")
    forks: tuple[str, ...] = Field(default=(), description="The epics that were forked from it.")
    name: str | None
    note: str
    created_at: datetime


class ApprovalView(Record):
    """One question to a person, and the answer if there is one."""

    id: str
    epic: str
    repo: str = Field(default="", description="The repository of the epic.")
    gate: Step
    moment: int
    status: ApprovalStatus
    content_hash: str
    question: str
    options: tuple[Choice, ...]
    summary: str
    requested_at: datetime
    expires_at: datetime | None
    decision: Choice | None
    decided_by: str | None
    decided_at: datetime | None
    channel: str | None
    comment: str | None
    to: int | None
    amount_usd: Money | None
    requested_by: str | None = Field(default=None, description="Who started or forked the epic.")
    terms: Terms = Field(default=DEFAULT_TERMS, description="Who may decide and how many must, as it was when the approval opened.")
    votes: tuple[Vote, ...] = Field(default=(), description="What each person said so far, in order.")
    remind_at: datetime | None = None
    reminded_at: datetime | None = None
    escalate_at: datetime | None = None
    escalated_at: datetime | None = Field(default=None, description="Since when those it was escalated to may decide as well.")


class ConfigurationChange(Record):
    """One field in which an attempt was set up otherwise than the one before it."""

    field: str
    before: Any
    after: Any


class LessonTold(Record):
    """An earlier failure that a brief tells of."""

    epic: str
    moment: int
    attempt: int | None
    step: str
    type: str


class MemoryTold(Record):
    """A fact of the project's knowledge that a brief quotes."""

    id: str
    group: Group
    score: float
    source: str


class AttemptView(Record):
    """One execution of a workflow."""

    n: int
    step: AnyStep
    workflow: str
    executor: str
    model: str
    branch: str | None
    base_commit: str
    commit: str | None
    ended_by: str | None = Field(description="None while it runs.")
    error: str
    turns: int
    cost_usd: Money
    files_changed: tuple[str, ...]
    configuration: dict[str, Any] | None = Field(
        default=None,
        description="How it was set up: executor, models, limits, tools (and those held back), bounds, hashes, what it answers; null for "
        "attempts of older releases.",
    )
    changed: tuple[ConfigurationChange, ...] = Field(
        default=(), description="What differs from the attempt of the same step before it; empty for the first."
    )
    lessons: tuple[LessonTold, ...] = Field(default=(), description="The earlier failures that its brief tells of.")
    recalled: tuple[MemoryTold, ...] = Field(default=(), description="The facts of the project's knowledge that its brief quotes.")
    setup: dict[str, Any] | None = Field(
        default=None,
        description="What came of making its work tree ready: command, exit_code, timed_out, seconds; null if nothing was to do.",
    )
    recovery: dict[str, Any] | None = Field(
        default=None, description="What became of it when a crash cut it off in the middle of a command: on_crash, did, why, turn, tools."
    )
    started_at: datetime
    ended_at: datetime | None


class SetupView(Record):
    """What came of making the work tree of an attempt ready."""

    attempt: int
    command: str | None = Field(description="The setup command of genie.toml; null if it has none, and only asks for paths.")
    exit_code: int
    timed_out: bool
    seconds: float
    log: str = Field(description="What it said; long ones are cut in the middle, and what looks like a secret is taken out.")


class SayingView(Record):
    """What a person said to an epic's agent, and when the agent was told."""

    n: int
    text: str
    by: str
    channel: str
    said_at: datetime
    told_at: datetime | None = Field(description="When the request that told it was answered, or the attempt whose brief tells it began.")
    attempt: int | None = Field(description="The attempt that was told.")
    turn: int | None = Field(description="The first turn whose request told it; null where the brief did.")


class EventView(Record):
    """One thing that happened, numbered per epic without gaps."""

    id: int
    type: str
    time: datetime
    data: dict[str, Any]


class GateContent(Record):
    """What one approval is about, for the person who decides; what does not belong to its gate is empty."""

    plan: Plan | None
    design: Design | None
    pull_request: PullRequest | None
    diff: str
    diff_stat: str
    failure: FailureAnalysis | None
    budget: BudgetStop | None
    tests: TestReport | None


class Page(Record, Generic[ItemT]):
    """A part of a list; `next` is the cursor of the following part."""

    items: tuple[ItemT, ...]
    next: str | None = None
