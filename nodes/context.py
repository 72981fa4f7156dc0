"""What the nodes are given: the facts of the epic, and the ports through which they reach agents and the repository."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, Protocol

from pydantic import Field

from epics.lessons import Lesson
from epics.policy import RepositoryPolicy
from epics.recalled import Recalled
from epics.records import Record
from epics.steps import Step
from epics.verdicts import FailureAnalysis, TestReport


@dataclass(frozen=True, kw_only=True)
class EpicFacts:
    """What does not change while an epic runs."""

    id: str
    goal: str
    repo: str
    base: str
    base_commit: str
    autonomy: Literal["auto", "ask"]


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What a step asks an agent to do."""

    task_id: str
    """LangGraph's id of the task: the same when the node is run again after a crash."""
    step: Step | str
    """The step that asks; of a run, which has no steps, the name of its workflow."""
    workflow: str
    at: str
    """The commit that the work tree starts from."""
    base: str
    """The commit of the base branch; an agent's own configuration is put back to what it is there."""
    variables: Mapping[str, Any]
    allowed_paths: tuple[str, ...] = ("**",)
    """The plan's globs; the workflow's own boundaries hold beside them."""
    forbidden_paths: tuple[str, ...] = ()
    own_files: Callable[[Mapping[str, Any]], Mapping[str, str | None]] | None = None
    """Files that Genie itself adds, made from the agent's output: path to text, or to None for a file that gives way."""
    run_tests: bool = False
    """Whether the repository's test command is run on the commit when the agent is done."""
    continues: int | None = None
    """The attempt whose tree and conversation this one goes on from."""
    extra_usd: Decimal = Decimal(0)
    """What people added to the workflow's limit."""


class Attempted(Record):
    """How an attempt ended; stored once, and returned as it is when the node is run again."""

    n: int
    ended_by: Literal["done", "turns", "budget", "timeout", "cancelled", "error", "out_of_bounds"]
    branch: str | None = None
    commit: str
    tree: str
    output: dict[str, Any] | None = None
    error: str = ""
    error_kind: str | None = None
    files: tuple[str, ...] = Field(default=(), description="Paths that differ from the start, as git says.")
    violations: tuple[str, ...] = Field(default=(), description="Those of them that the attempt was not allowed to change.")
    tests: TestReport | None = None
    scope: Literal["attempt", "epic", "project"] | None = Field(default=None, description="Whose limit refused a call.")
    limit_usd: str = ""
    spent_usd: str = ""
    needed_usd: str = "0"
    log_tail: str = Field(default="", description="The end of what happened, for the analysis of a failure.")


class Attempts(Protocol):
    """Runs agents: one attempt per task of the graph, however often the task is run."""

    async def run(self, assignment: Assignment) -> Attempted:
        """Run an attempt to its end, go on with one that a crash left, or return the one that has ended."""
        ...


@dataclass(frozen=True, kw_only=True)
class Need:
    """What an attempt is about to do, for whoever remembers what failed before."""

    task_id: str
    step: Step | str
    """The step that begins, or the one that failed where its failure is to be analysed; of a run, the name of its workflow."""
    paths: tuple[str, ...]
    """The globs of what the work may change."""
    failure: FailureAnalysis | None
    """What its brief tells anyway."""


class Lessons(Protocol):
    """What earlier attempts on the same repository failed of, as far as it is of use now."""

    async def relevant(self, need: Need) -> tuple[Lesson, ...]:
        """A few earlier failures, most useful first; those that were told, where the task's attempt is there already.

        What cannot be looked for is not told: no step fails of that.
        """
        ...


class NoLessons:
    """Remembers nothing."""

    async def relevant(self, need: Need) -> tuple[Lesson, ...]:
        """Nothing."""
        del need
        return ()


NO_LESSONS: Final = NoLessons()


class Recall(Protocol):
    """What earlier work on the same repository taught, as far as it is of use now."""

    async def recalled(self, need: Need, lessons: tuple[Lesson, ...]) -> tuple[Recalled, ...]:
        """A few facts, most useful first, and none that a lesson tells; those that were told, where the task's attempt is there already.

        What cannot be looked for is not told: no step fails of that.
        """
        ...


class NoRecall:
    """Recalls nothing."""

    async def recalled(self, need: Need, lessons: tuple[Lesson, ...]) -> tuple[Recalled, ...]:
        """Nothing."""
        del need, lessons
        return ()


NO_RECALL: Final = NoRecall()


class DiffSize(Record):
    """How large a diff is."""

    files: int
    insertions: int
    deletions: int
    text: str
    binary: tuple[str, ...] = ()
    """Files that differ and have no lines, by what git says of them."""


class BroughtIn(Record):
    """A merge of the base branch into the work."""

    commit: str
    tree: str
    branch: str | None = Field(default=None, description="The branch that holds it, if one does.")
    conflicts: tuple[str, ...] = ()


class Landing(Record):
    """What came of the attempt to merge the work to the base branch."""

    how: Literal["merged", "already", "base_moved", "branch_moved", "target_dirty", "refused"]
    commit: str = Field(
        default="", description="What the base branch is at afterwards; where the epic's own branch moved, what that is at."
    )
    branch: str | None = Field(default=None, description="The branch that holds it, where the epic's own moved.")
    tree: str = ""
    detail: str = ""


class Repository(Protocol):
    """The repository of the epic, as git history; no method touches the user's checkout but `land`, and that only where it is clean."""

    async def overview(self, commit: str) -> str:
        """A few lines that tell an agent what the repository is: top-level files, languages, size."""
        ...

    async def diff(self, old: str, new: str) -> str:
        """The diff as text, capped."""
        ...

    async def size(self, old: str, new: str) -> DiffSize:
        """How large the diff is."""
        ...

    async def changed(self, old: str, new: str) -> tuple[str, ...]:
        """The paths that differ."""
        ...

    async def needs_approval(self, old: str, new: str) -> tuple[str, ...]:
        """Those of the paths that differ which a workflow's boundaries let nobody but a person wave through."""
        ...

    async def free_adr_prefix(self, commit: str, *, but: str | None = None) -> str:
        """Where the next decision record of this repository goes, up to its number: `docs/decisions/0007-`; `but` is not counted."""
        ...

    async def publish(self, branch: str) -> str:
        """Make a branch of the epic visible in the user's repository; says why not where that fails, else nothing."""
        ...

    async def bring_in(self, head: str, base: str, branch: str | None) -> BroughtIn:
        """Merge `base` into `head`, and move the branch on if it is at `head`; where they conflict, the files have markers."""
        ...

    async def markers(self, commit: str, paths: tuple[str, ...]) -> tuple[str, ...]:
        """Those of `paths` that still hold conflict markers."""
        ...

    async def land(self, head: str, *, expected: str, message: str, branch: str | None = None) -> Landing:
        """Merge `head` to the base branch, which must still be at `expected`; never forced, and not where somebody added to `branch`."""
        ...


@dataclass(frozen=True, kw_only=True)
class EpicContext:
    """The context of a run of the epic graph; given again at each resume, never stored."""

    facts: EpicFacts
    policy: RepositoryPolicy
    attempts: Attempts
    repository: Repository
    lessons: Lessons = NO_LESSONS
    recall: Recall = NO_RECALL
