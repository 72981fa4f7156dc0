"""The state of an epic: what LangGraph checkpoints, small, and nothing else."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from epics.records import Record
from epics.runs import RunStatus
from epics.steps import Step
from epics.verdicts import Design, FailureAnalysis, Plan, PullRequest, Review, TestReport

GRAPH_VERSION: Final = 1
"""Goes up when an epic that an older release began cannot simply be carried on."""


class Ended(StrEnum):
    """How an epic ended; also its status from then on."""

    MERGED = "merged"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL: Final[frozenset[str]] = frozenset({*Ended, RunStatus.DONE})
"""The statuses that an epic leaves by a rollback alone, and a run never."""


class StepRecord(Record):
    """The step that was finished last; each one becomes a moment."""

    step: Step
    outcome: Literal["done", "failed", "budget", "decided", "cancelled", "rolled_back", "forked", "picked"]
    workflow: str | None = None
    attempt: int | None = None
    branch: str | None = None
    tree: str = ""
    note: str = Field(default="", max_length=2_000, description="One line for the history: what came of it.")
    back_to: int | None = Field(default=None, description="The moment that was gone back to, if that is what was done.")
    parent: int | None = Field(default=None, description="The moment whose state this one came from, where that is not the one before.")


class Trouble(Record):
    """The facts of a step that failed, as the node saw them; what they mean is for the analysis."""

    step: Step
    attempt: int | None = None
    ended_by: Literal["turns", "budget", "timeout", "cancelled", "error", "out_of_bounds", "cap"]
    error_kind: str | None = None
    commit: str = Field(default="", description="What the attempt left, for whoever asks why.")
    detail: str = Field(default="", max_length=4_000)
    paths: tuple[str, ...] = Field(default=(), max_length=50)


class BudgetStop(Record):
    """The limit that the next call did not fit."""

    step: Step
    scope: Literal["attempt", "epic", "project"]
    limit_usd: str
    spent_usd: str
    needed_usd: str = Field(default="0", description="What the call that was refused needs at least.")
    resume_attempt: int = Field(description="The attempt whose tree and conversation the next one goes on from.")


class Revert(Record):
    """Work that was merged and is proposed to be taken back by a commit; what the epic is again where people say no."""

    base: str
    head: str
    branch: str | None
    pull_request: PullRequest | None


class EpicState(BaseModel):
    """One epic between two steps: shas, counters and verdicts; prompts, transcripts and diffs live elsewhere.

    The goal and the settings of the epic do not change and are read from its row.
    """

    model_config = ConfigDict(extra="forbid")

    step: Step = Step.PLANNING
    ended: Ended | None = None
    base: str = Field(default="", description="The commit of the base branch that the work stands on.")
    head: str = Field(default="", description="The newest accepted commit.")
    branch: str | None = Field(default=None, description="The branch that holds it.")
    plan: Plan | None = None
    design: Design | None = None
    tests: TestReport | None = None
    review: Review | None = None
    pull_request: PullRequest | None = None
    last: StepRecord | None = None
    failure: FailureAnalysis | None = Field(default=None, description="The analysis that the next attempt must read, verbatim.")
    trouble: Trouble | None = Field(default=None, description="What failed last, until it is analysed and dealt with.")
    retry_at: Step | None = Field(default=None, description="Where the analysis would begin again, for the person at the failure gate.")
    budget: BudgetStop | None = None
    raises: dict[str, str] = Field(default_factory=dict, description="US dollars that people added to the attempt limit of a step.")
    conflicts: tuple[str, ...] = Field(default=(), description="Paths with conflict markers that a fix must clear.")
    guidance: tuple[str, ...] = Field(default=(), description="What people said that the next agent must read, verbatim.")
    comments: tuple[str, ...] = Field(
        default=(), description="What a person asked to change at the last gate, verbatim; kept until the gate asks again."
    )
    starts: dict[str, str] = Field(default_factory=dict, description="Head at the first arrival at architect, implement and test.")
    start_bases: dict[str, str] = Field(default_factory=dict, description="The base that each of `starts` stands on.")
    rounds: dict[str, int] = Field(default_factory=dict, description="How often a capped loop was taken: architect, fix.")
    failures: dict[str, int] = Field(default_factory=dict, description="Failed attempts of each step since a person last helped.")
    revert: Revert | None = Field(default=None, description="What the merge at hand would take back, if it is a revert.")
    notice: str = Field(default="", description="What the next gate must tell the person beside its question.")
