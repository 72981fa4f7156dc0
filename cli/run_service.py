"""What the commands ask of runs, whoever answers: the engine in this process, or a server by its API."""

from __future__ import annotations

from typing import Any, Protocol

from engine.following_events import OnEvent
from engine.runs.orders import StartRun
from engine.runs.views import RunView
from engine.views import EventView, Page
from engine.workflow_views import WorkflowView


class RunService(Protocol):
    """The calls that `engine.runs_for_faces.Runs` and `RemoteRuns` both have; the first says what each of them does and raises."""

    async def start(self, asked: StartRun) -> RunView:
        """Queue a run."""
        ...

    async def workflow(self, name: str) -> WorkflowView:
        """One workflow of this installation, or agent written in Python."""
        ...

    async def advance(self, run: str, *, on_event: OnEvent | None = None) -> RunView:
        """Run it until it ends or is stopped; by a server: follow it until then."""
        ...

    async def show(self, run: str) -> RunView:
        """One run."""
        ...

    async def page(
        self,
        *,
        status: str | None = None,
        repo: str | None = None,
        workflow: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[RunView]:
        """Runs, newest first."""
        ...

    async def cancel(self, run: str, *, by: str, reason: str = "") -> RunView:
        """End a run."""
        ...

    async def events(self, run: str, *, after: int = 0, limit: int = 1000) -> tuple[EventView, ...]:
        """The events of a run after a number."""
        ...

    async def log(self, run: str) -> tuple[dict[str, Any], ...]:
        """The turns of a run's agent."""
        ...
