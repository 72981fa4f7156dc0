"""What the commands ask for, whoever answers: the engine in this process, or a server by its API."""

from __future__ import annotations

from typing import Any, Protocol

from cli.ask_service import AskService
from cli.key_service import KeyService
from cli.knowledge_service import KnowledgeService
from cli.run_service import RunService
from cli.session_service import MemoryService, PromptService, SessionService
from engine.following_events import OnEvent
from engine.history_views import DiffView
from engine.starting import StartEpic
from engine.time_machine.comparison_views import Comparison
from engine.time_machine.moment_views import MomentDetail
from engine.time_machine.orders import Fork, GoBack
from engine.time_machine.race_views import Picked, Race
from engine.time_machine.rollback_views import RollbackView
from engine.views import ApprovalView, AttemptView, EpicView, EventView, GateContent, MomentView, Page, SayingView, SetupView, WorkerView
from epics.approvals import Decision


class Service(Protocol):
    """The calls that `Engine` and `RemoteService` both have; `Engine` says what each of them does and raises."""

    async def start(self, asked: StartEpic) -> EpicView:
        """Queue an epic."""
        ...

    async def advance(self, epic: str, *, on_event: OnEvent | None = None) -> EpicView:
        """Carry an epic on until it waits, ends or is stopped; by a server: follow it until then."""
        ...

    async def resume(self, epic: str, *, auto_approve: bool | None = None, by: str = "") -> EpicView:
        """Make an epic runnable again."""
        ...

    async def cancel(self, epic: str, *, by: str, reason: str = "") -> EpicView:
        """End an epic."""
        ...

    async def say(self, epic: str, text: str, *, by: str) -> SayingView:
        """Say something to an epic's agent."""
        ...

    async def epic(self, epic: str) -> EpicView:
        """One epic."""
        ...

    async def epics(
        self, *, status: str | None = None, repo: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[EpicView]:
        """Epics, newest first."""
        ...

    async def moments(self, epic: str) -> tuple[MomentView, ...]:
        """The moments of an epic."""
        ...

    async def moment(self, epic: str, n: int) -> MomentDetail:
        """One moment of an epic with all that is known of it."""
        ...

    async def diff(self, epic: str, *, begin: int | None = None, end: int | None = None) -> DiffView:
        """What changed between two moments of an epic."""
        ...

    async def compare(self, left: str, right: str, *, with_diff: bool = False) -> Comparison:
        """Two epics of one repository side by side."""
        ...

    async def moment_number(self, epic: str, given: str) -> int:
        """The number of a moment that was typed as its number or its name."""
        ...

    async def mark(self, epic: str, n: int, name: str | None, *, by: str) -> MomentView:
        """Give a moment a name, or take it away."""
        ...

    async def roll_back(self, epic: str, asked: GoBack, *, dry_run: bool = False) -> RollbackView:
        """Take an epic back, or undo that."""
        ...

    async def fork(self, epic: str, asked: Fork) -> EpicView:
        """Make a new epic from a moment of another."""
        ...

    async def race(self, epic: str) -> Race:
        """The race of an epic."""
        ...

    async def pick(self, epic: str, entry: str, *, by: str) -> Picked:
        """Pick an entry of a race."""
        ...

    @property
    def access(self) -> KeyService:
        """Keys."""
        ...

    @property
    def asks(self) -> AskService:
        """Requests in free words."""
        ...

    @property
    def knowledge(self) -> KnowledgeService:
        """What past work taught."""
        ...

    @property
    def runs(self) -> RunService:
        """Workflows run without an epic."""
        ...

    @property
    def sessions(self) -> SessionService:
        """Conversations with agents."""
        ...

    @property
    def prompts(self) -> PromptService:
        """What agents are told first."""
        ...

    @property
    def memories(self) -> MemoryService:
        """Named values for the variables of prompts."""
        ...

    @property
    def side_by_side(self) -> int:
        """How many epics may be carried on at once."""
        ...

    async def attempts(self, epic: str) -> tuple[AttemptView, ...]:
        """The attempts of an epic."""
        ...

    async def events(self, epic: str, *, after: int = 0, limit: int = 1000) -> tuple[EventView, ...]:
        """The events of an epic after a number."""
        ...

    async def attempt_log(self, epic: str, n: int) -> tuple[dict[str, Any], ...]:
        """The turns of an attempt."""
        ...

    async def setup_log(self, epic: str, n: int) -> SetupView:
        """What came of making the work tree of an attempt ready."""
        ...

    async def approvals(self, *, status: str | None = None, epic: str | None = None, mine: bool = False) -> tuple[ApprovalView, ...]:
        """Approvals, newest first."""
        ...

    async def approval(self, given: str) -> ApprovalView:
        """One approval."""
        ...

    async def decide(self, given: str, decision: Decision, content_hash: str | None = None) -> ApprovalView:
        """Decide an approval."""
        ...

    async def gate_content(self, given: str) -> GateContent:
        """What an approval is about."""
        ...

    async def changes(self, epic: str) -> str:
        """The diff of an epic."""
        ...

    async def workers(self) -> tuple[WorkerView, ...]:
        """The workers that were heard of lately."""
        ...
