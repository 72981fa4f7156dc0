"""Attempts in a replay: what was recorded is returned, after what is asked for now was held against what was asked for then."""

from __future__ import annotations

from dataclasses import replace

from pydantic import ValidationError

from agents.workflow import Workflow
from engine.time_machine.recorded import RecordedAttempt, RecordedMoment
from engine.time_machine.replay_briefs import brief_now, first_difference, steady
from engine.time_machine.replay_ground import Configuration, Ground
from engine.time_machine.replay_repository import Reached
from engine.time_machine.replay_views import Difference, Kind, shown
from epics.lessons import Lesson
from epics.recalled import Recalled
from nodes.context import Assignment, Attempted, Need
from safety.scrubbing import same_but_for_secrets


class NotRecorded(Exception):
    """The step asks for an attempt where none was made."""


class ReplayedAttempts:
    """Implements `Attempts`, `Lessons` and `Recall` of `nodes.context` for the replay of one moment; no agent runs."""

    def __init__(self, ground: Ground, configuration: Configuration, moment: RecordedMoment | None) -> None:
        """Bind to a moment; without one, a step goes as far as the brief that it would send."""
        self._ground = ground
        self._configuration = configuration
        self._n = moment.n if moment else 0
        self._row = ground.recorded.attempts.get(moment.attempt or 0) if moment else None
        self._is_probe = moment is None
        self.differences: list[Difference] = []
        self.unchecked: list[str] = []
        self.asked: Assignment | None = None
        self.workflow: Workflow | None = None
        self.compared_brief = False

    async def relevant(self, need: Need) -> tuple[Lesson, ...]:
        """The lessons that the attempt was told."""
        del need
        told = self._row.lessons if self._row else None
        return tuple(Lesson.model_validate(lesson) for lesson in told or ())

    async def recalled(self, need: Need, lessons: tuple[Lesson, ...]) -> tuple[Recalled, ...]:
        """What the attempt recalled."""
        del need, lessons
        told = self._row.recalled if self._row else None
        return tuple(Recalled.model_validate(memory) for memory in told or ())

    async def run(self, assignment: Assignment) -> Attempted:
        """Return the recorded end of the attempt.

        Raises:
            NotRecorded: if none was made.
            WorkflowNotFound: if its workflow is there no more.
            InvalidInput: if its workflow cannot be loaded, or its brief not be made.
            Reached: if the step is only tried out.
        """
        workflow = self._configuration.registry.get(assignment.workflow)
        row = self._row
        if self._is_probe:
            brief_now(workflow, assignment, _nobody(assignment), self._configuration.policy.test_command)
            raise Reached
        if row is None or row.result is None:
            message = f"an attempt of {assignment.workflow} is asked for, and none was made then"
            raise NotRecorded(message)
        self.asked = assignment
        self.workflow = workflow = _as_offered(workflow, row)
        self._hold_against("the workflow", row.workflow, workflow.name)
        self._hold_against("the commit that the work tree starts from", row.base_commit, self._start_of(assignment))
        self._hold_against("the attempt that is gone on with", row.continues, assignment.continues)
        self._compare_brief(row, workflow, assignment)
        attempted = Attempted.model_validate(dict(row.result))
        self._check_output(workflow, attempted)
        return attempted

    def _start_of(self, assignment: Assignment) -> str:
        before = self._ground.recorded.attempts.get(assignment.continues or 0)
        return str(before.result["commit"]) if before and before.result else assignment.at

    def _hold_against(self, what: str, recorded: object, now: object, kind: Kind = "attempt") -> None:
        if recorded != now:
            self.differences.append(Difference(moment=self._n, kind=kind, what=what, recorded=shown(recorded), now=shown(now)))

    def _compare_brief(self, row: RecordedAttempt, workflow: Workflow, assignment: Assignment) -> None:
        if row.brief is None:
            self.unchecked.append("the brief: it was pruned")
            return
        self.compared_brief = True
        now = brief_now(workflow, assignment, row, self._configuration.policy.test_command)
        if not same_but_for_secrets(steady(row.brief), steady(now)):
            line, then, here = first_difference(row.brief, now)
            self._hold_against(f"line {line} of the brief of {workflow.name}", then, here, "brief")

    def _check_output(self, workflow: Workflow, attempted: Attempted) -> None:
        """See that what the agent handed back is still what the workflow is to hand back."""
        if attempted.output is None:
            return
        try:
            now = workflow.output.model_validate(attempted.output).model_dump(mode="json")
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5])
            self._hold_against(f"what {workflow.name} hands back", "it was accepted", f"it is refused: {wrong}", "output")
            return
        for name, value in attempted.output.items():
            self._hold_against(f"{name} of what {workflow.name} hands back", value, now.get(name), "output")


def _as_offered(workflow: Workflow, row: RecordedAttempt) -> Workflow:
    """The workflow with the tools that were held back from this attempt left out."""
    held_back = row.configuration.get("held_back") or ()
    servers = {name: given for name, given in workflow.mcp_servers.items() if f"mcp__{name}" not in held_back}
    return replace(workflow, tools=tuple(name for name in workflow.tools if name not in held_back), mcp_servers=servers)


def _nobody(assignment: Assignment) -> RecordedAttempt:
    """An attempt that was not made yet."""
    return RecordedAttempt(
        n=0, step=assignment.step, workflow=assignment.workflow, workflow_hash="", executor="", model="", base_commit=assignment.at,
        continues=assignment.continues, result=None, brief=None, turns=(),
    )  # fmt: skip
