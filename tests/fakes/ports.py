"""The ports of the nodes in memory: agents that end as a test says, a repository of names, and a walk through the graph on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import ExecutionInfo, Runtime
from langgraph.types import Command

from db.serializer import CheckpointSerializer
from epics.approvals import Choice, Decision
from epics.policy import RepositoryPolicy
from epics.state import EpicState
from epics.steps import Step
from epics.verdicts import TestReport
from graphs.epic import NODES, build_epic_graph
from nodes.context import Assignment, Attempted, BroughtIn, DiffSize, EpicContext, EpicFacts, Landing

FACTS: Final = EpicFacts(id="e-0000000001", goal="Greet people.\nPolitely.", repo="/r", base="main", base_commit="base", autonomy="auto")

OUTPUTS: Final[Mapping[str, dict[str, Any]]] = {
    "planning": {"summary": "Greet.", "tasks": ["greet"], "acceptance_criteria": ["it greets"], "allowed_paths": ["src/**"]},
    "architect": {
        "summary": "One function.",
        "title": "A plain function",
        "context": "Somebody must greet.",
        "options": [{"name": "function", "weight": 8, "pros": ["small"], "cons": ["plain | dull"]}],
        "decision": "Write it.",
        "consequences": "It greets.",
    },
    "implement": {"summary": "Wrote it."},
    "test": {"summary": "All tests pass, believe me."},
    "review": {"verdict": "passed", "summary": "Good."},
    "fix": {"summary": "Fixed."},
    "refactor": {"summary": "Moved."},
    "document": {"summary": "Told."},
    "pr": {"title": "Greet people", "body": "It greets."},
    "time_machine": {"cause": "It was in haste.", "prevention": "Read first.", "restart_at": "same"},
}

WRITES: Final = frozenset({"architect", "implement", "test", "fix", "refactor", "document"})

PASSED: Final = TestReport(command="make test", source="genie.toml", passed=True, exit_code=0, output="ok")
FAILED: Final = TestReport(command="make test", source="genie.toml", passed=False, exit_code=2, seconds=1.5, output="1 failed: greet")

Ending = Mapping[str, Any]
"""What is different from an attempt that goes well: fields of `Attempted`."""


class FakeAttempts:
    """Ends attempts as it was told, in order, and well when nothing more was said; remembers what was asked."""

    def __init__(self, endings: Mapping[str, list[Ending]] | None = None, *, each: Callable[[Assignment], Ending] | None = None) -> None:
        self._endings = {workflow: list(told) for workflow, told in (endings or {}).items()}
        self._each = each
        self._ended: dict[str, Attempted] = {}
        self.asked: list[Assignment] = []

    async def run(self, assignment: Assignment) -> Attempted:
        """End an attempt; the same task gives the same end."""
        if assignment.task_id in self._ended:
            return self._ended[assignment.task_id]
        self.asked.append(assignment)
        told = self._endings.get(assignment.workflow, [])
        ending = told.pop(0) if told else self._each(assignment) if self._each else {}
        attempted = attempted_of(assignment, len(self.asked), **ending)
        self._ended[assignment.task_id] = attempted
        return attempted

    def of(self, workflow: str) -> list[Assignment]:
        """What one workflow was asked, in order."""
        return [assignment for assignment in self.asked if assignment.workflow == workflow]


def attempted_of(assignment: Assignment, n: int, **ending: Any) -> Attempted:
    """An attempt that went well but for what is said."""
    workflow = assignment.workflow
    writes = workflow in WRITES
    values: dict[str, Any] = {
        "n": n,
        "ended_by": "done",
        "branch": f"genie/{workflow}/attempt_{n}" if writes else None,
        "commit": f"{workflow}-{n}" if writes else assignment.at,
        "tree": f"tree-{n}",
        "output": OUTPUTS[workflow],
        "tests": PASSED if assignment.run_tests else None,
        **ending,
    }
    if values["ended_by"] != "done":
        values["output"], values["tests"] = None, None
    return Attempted.model_validate(values)


class FakeRepository:
    """A repository whose commits are words; lands as it was told, and well when nothing more was said."""

    def __init__(self, *, landings: list[Landing] | None = None, conflicts: tuple[str, ...] = (), hidden: str = "") -> None:
        self._landings = list(landings or [])
        self._conflicts = conflicts
        self._hidden = hidden
        self.left: list[tuple[str, ...]] = []
        self.delicate: tuple[str, ...] = ()
        self.files: tuple[str, ...] = ()
        self.published: list[str] = []
        self.landed: list[tuple[str, str, str]] = []
        self.brought: list[tuple[str, str]] = []

    async def overview(self, commit: str) -> str:
        return f"a repository at {commit}"

    async def diff(self, old: str, new: str) -> str:
        return f"diff of {old} and {new}"

    async def size(self, old: str, new: str) -> DiffSize:
        return DiffSize(files=2, insertions=10, deletions=3, text=f"{old}..{new}")

    async def changed(self, old: str, new: str) -> tuple[str, ...]:
        return self.files if old != new else ()

    async def needs_approval(self, old: str, new: str) -> tuple[str, ...]:
        return self.delicate if old != new else ()

    async def free_adr_prefix(self, commit: str, *, but: str | None = None) -> str:
        return "docs/decisions/0007-" if commit and commit != but else ""

    async def publish(self, branch: str) -> str:
        self.published.append(branch)
        return self._hidden

    async def bring_in(self, head: str, base: str, branch: str | None) -> BroughtIn:
        self.brought.append((head, base))
        return BroughtIn(commit=f"{head}+{base}", tree="merged", branch=branch, conflicts=self._conflicts)

    async def markers(self, commit: str, paths: tuple[str, ...]) -> tuple[str, ...]:
        left = self.left.pop(0) if self.left else ()
        return tuple(path for path in paths if commit and path in left)

    async def land(self, head: str, *, expected: str, message: str, branch: str | None = None) -> Landing:
        del branch
        self.landed.append((head, expected, message))
        return self._landings.pop(0) if self._landings else Landing(how="merged", commit=head)


def context(
    attempts: FakeAttempts | None = None,
    repository: FakeRepository | None = None,
    *,
    policy: RepositoryPolicy | None = None,
    autonomy: Any = "auto",
) -> EpicContext:
    """What nodes are given, on fakes."""
    return EpicContext(
        facts=replace(FACTS, autonomy=autonomy),
        policy=policy or RepositoryPolicy(),
        attempts=attempts or FakeAttempts(),
        repository=repository or FakeRepository(),
    )


async def step(node: Step, state: EpicState, given: EpicContext, *, task: str = "task-1") -> EpicState:
    """Run one node that waits for nobody, and return the state after it."""
    info = ExecutionInfo(checkpoint_id="c", checkpoint_ns="", task_id=task)
    update = await NODES[node](state, Runtime(context=given, execution_info=info))
    return after(state, update)


async def decided(gate: Step, state: EpicState, answer: Any) -> EpicState:
    """Let the graph arrive at one gate, answer, and return the state after it."""
    graph = StateGraph(EpicState)
    graph.add_node(gate.value, NODES[gate])
    graph.add_edge(START, gate.value)
    graph.add_edge(gate.value, END)
    compiled = graph.compile(checkpointer=InMemorySaver(serde=CheckpointSerializer()))
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    waiting = await compiled.ainvoke(state, config)
    assert waiting["__interrupt__"], "the gate did not wait"
    return EpicState.model_validate(await compiled.ainvoke(Command(resume=answer), config))


def after(state: EpicState, update: Mapping[str, Any]) -> EpicState:
    """The state with an update of it; a field that there is not is refused."""
    return EpicState.model_validate({**dict(state), **update})


def said(choice: Choice, **more: Any) -> dict[str, Any]:
    """A decision, as the engine hands it to a gate."""
    return Decision.model_validate({"choice": choice, "by": "ann", "channel": "cli", **more}).model_dump(mode="json")


class Walk:
    """The whole graph in memory, from start to gate to gate."""

    def __init__(self, given: EpicContext) -> None:
        self._context = given
        self._graph = build_epic_graph().compile(checkpointer=InMemorySaver(serde=CheckpointSerializer()))
        self._config: RunnableConfig = {"configurable": {"thread_id": "t"}, "recursion_limit": 10_000}
        self.steps: list[Step] = []

    async def start(self) -> EpicState:
        """Begin, and go on to the first gate or the end."""
        return await self._on({"step": Step.PLANNING, "base": "base", "head": "base"})

    async def decide(self, choice: Choice, **more: Any) -> EpicState:
        """Answer the gate that waits, and go on to the next or the end."""
        answer = said(choice, **more)
        gate = (await self.state()).step
        back = more.pop("back", None)
        return await self._on(Command(resume={"decision": answer, "back": back} if gate is Step.FAILURE_GATE else answer))

    async def state(self) -> EpicState:
        """Where the epic is."""
        return EpicState.model_validate((await self._graph.aget_state(self._config)).values)

    async def _on(self, given: Any) -> EpicState:
        async for update in self._graph.astream(given, self._config, context=self._context, stream_mode="updates"):
            self.steps.extend(Step(name) for name in update if name != "__interrupt__")
        return await self.state()
