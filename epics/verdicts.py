"""What steps hand on: the typed outputs of agents, and what the nodes found out themselves."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from epics.records import Record


def _storable(value: object) -> object:
    """A text without NUL, which PostgreSQL stores in no column and which would stop the epic at its next brief."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), BeforeValidator(_storable)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000), BeforeValidator(_storable)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8_000), BeforeValidator(_storable)]
Glob = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), BeforeValidator(_storable)]


class Plan(Record):
    """What `planning` makes of the goal: the work, how to know that it is done, and where it may happen."""

    summary: Text = Field(description="What will be different when the goal is reached, in one to three sentences.")
    tasks: tuple[Line, ...] = Field(min_length=1, max_length=30, description="The work, in order, one verb-led line each.")
    acceptance_criteria: tuple[Line, ...] = Field(
        min_length=1, max_length=30, description="Facts that can be checked from outside when the work is done."
    )
    risks: tuple[Line, ...] = Field(default=(), max_length=20, description="What could go wrong, and how it would be noticed.")
    allowed_paths: tuple[Glob, ...] = Field(
        default=("**",),
        min_length=1,
        max_length=50,
        description="Globs of the paths that the work may change, tests and documentation included.",
    )
    forbidden_paths: tuple[Glob, ...] = Field(default=(), max_length=50, description="Globs of paths that the work must leave alone.")
    cost_low_usd: Decimal = Field(default=Decimal(0), ge=0, description="The least that the work is likely to cost, in US dollars.")
    cost_high_usd: Decimal = Field(default=Decimal(0), ge=0, description="The most that the work is likely to cost, in US dollars.")


class Option(Record):
    """One way that the architect weighed."""

    name: Line
    weight: int = Field(ge=0, le=10, description="How well it serves the goal, 0 to 10.")
    pros: tuple[Line, ...] = Field(default=(), max_length=10)
    cons: tuple[Line, ...] = Field(default=(), max_length=10)


class DesignDraft(Record):
    """What the architect hands back: a design and the decision behind it."""

    summary: Text = Field(description="The design: the parts, what each does, and how they meet.")
    title: Line = Field(description="The decision in a few words, for the title of its record.")
    context: Text = Field(description="Why a decision was needed: the forces, in two to four sentences.")
    options: tuple[Option, ...] = Field(min_length=1, max_length=8, description="The ways that were weighed, the chosen one among them.")
    decision: Text = Field(description="What is done, in the imperative.")
    consequences: Text = Field(description="What becomes easier, what becomes harder.")


class Design(Record):
    """The accepted output of the architect, with the file that records the decision in git."""

    summary: Text
    title: Line
    decision: Text
    adr_path: str


class ChangeReport(Record):
    """What an agent that changed files says of it; what really changed is read from git."""

    summary: Text = Field(description="What was changed and why, in one to five sentences.")
    addressed: tuple[Line, ...] = Field(default=(), max_length=60, description="The ids of the findings or failures that were dealt with.")


class TestReport(Record):
    """What the repository's own test command said when the node ran it."""

    __test__ = False  # the name begins with Test, and pytest would take it for one

    command: str | None = Field(description="The command, or None where the repository has none that Genie could find.")
    source: str = Field(description="Where the command came from: genie.toml, or what it was detected by.")
    passed: bool
    exit_code: int | None = None
    timed_out: bool = False
    seconds: float = 0.0
    output: str = Field(default="", description="The end of what it printed, capped.")
    commit: str = ""


class Severity(StrEnum):
    """How bad a finding is: the first two are fixed before anything else happens."""

    BLOCKER = "blocker"
    MAJOR = "major"
    MINOR = "minor"


class Finding(Record):
    """One thing that the review found."""

    id: Line = Field(description="F1, F2, …")
    severity: Severity
    file: Line
    line: int | None = Field(default=None, ge=1)
    what: Words = Field(description="What is wrong.")
    why: Words = Field(description="Why it matters, and what would be right.")
    structural: bool = Field(default=False, description="True if behaviour is right and only the structure is not.")

    @property
    def must_change(self) -> bool:
        """Whether the epic cannot go on with it."""
        return self.severity is not Severity.MINOR


class Review(Record):
    """The review's verdict with its findings."""

    verdict: Literal["passed", "findings"]
    summary: Text
    findings: tuple[Finding, ...] = Field(default=(), max_length=60)

    @model_validator(mode="after")
    def _a_pass_has_nothing_open(self) -> Self:
        if self.verdict == "passed" and any(finding.must_change for finding in self.findings):
            message = "verdict 'passed' is refused while a blocker or major finding is open: say 'findings'"
            raise ValueError(message)
        if self.verdict == "findings" and not self.findings:
            message = "verdict 'findings' needs at least one finding"
            raise ValueError(message)
        return self

    @property
    def open_findings(self) -> tuple[Finding, ...]:
        """The findings that must be dealt with."""
        return tuple(finding for finding in self.findings if finding.must_change)


class PullRequestText(Record):
    """What the `pr` agent writes."""

    title: Line
    body: Text


class PullRequest(Record):
    """A pull request, on a host or kept locally."""

    title: Line
    body: Text
    base: str
    base_commit: str
    head: str
    branch: str
    files: int = 0
    insertions: int = 0
    deletions: int = 0


class FailureType(StrEnum):
    """The kinds of failure that Genie tells apart; stored data."""

    SCOPE_CREEP = "scope_creep"
    TESTS_FAILING = "tests_failing"
    INTEGRATION = "integration"
    ARCHITECTURE_MISMATCH = "architecture_mismatch"
    TURNS_EXHAUSTED = "turns_exhausted"
    TIMEOUT = "timeout"
    BUDGET = "budget"
    NO_OUTPUT = "no_output"
    PROVIDER = "provider"
    ENVIRONMENT = "environment"


class FailureAnalysis(Record):
    """Why an attempt failed, and how the next one avoids it."""

    type: FailureType
    point: str = Field(description="Where it went wrong: step and attempt.")
    attempt: int | None = Field(default=None, description="The attempt that failed; none where a cap was reached without one.")
    cause: Text
    evidence: Text
    prevention: Text
    by: Literal["rules", "model"] = "rules"


class FailureInsight(Record):
    """What the model adds to the rules' analysis of a failure."""

    cause: Text = Field(description="The most likely root cause, in one or two sentences.")
    prevention: Text = Field(description="What the next attempt should do differently, concretely.")
    restart_at: Literal["same", "architect", "implement"] = Field(
        default="same", description="Where the next attempt should begin: the step that failed, or an earlier one if its work is at fault."
    )
    without_tools: tuple[Line, ...] = Field(
        default=(), max_length=10, description="Tools that the next attempt does better without; nearly always none."
    )
