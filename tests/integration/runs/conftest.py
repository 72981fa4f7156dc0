"""Runs in this process, on the real engine, with agents that play a script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.runs.views import RunView

    EngineAt = Callable[..., Awaitable[Engine]]


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A queued run, the engine that can advance it, and the repository that it works on."""

    engine: Engine
    id: str
    repo: Path

    async def end(self) -> RunView:
        """Run it here until it stands still."""
        return await self.engine.runs.advance(self.id)

    async def kinds(self) -> list[str]:
        """The types of its events."""
        return [event.type for event in await self.engine.runs.events(self.id)]


RunNew = Callable[..., Awaitable[Ran]]


@pytest.fixture
async def run_new(engine_at: EngineAt, story: Callable[..., Any], small_repo: Path) -> RunNew:
    """Queues runs: `run_new("implement", script, **fields of StartRun)`."""
    from engine.runs.orders import StartRun

    engines: list[Engine] = []

    async def start(workflow: str, script: Any = None, **asked: Any) -> Ran:
        settings = {name: asked.pop(name) for name in ("lease_seconds",) if name in asked}
        if script is not None or not engines:
            engines.append(await engine_at(script or story(), **settings))
        given = {"repo": str(small_repo), "executor": "scripted", "workflow": workflow, **asked}
        view = await engines[-1].runs.start(StartRun(**given))
        return Ran(engine=engines[-1], id=view.id, repo=small_repo)

    return start
