"""Epics to replay: with scripted agents, and with in-process ones whose model follows a script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.witness_of_replays import Witness
from tests.integration.conftest import GOAL

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.time_machine.replay_views import Replay
    from executors.port import Executor
    from tests.fakes.played_model import PlayedModels

DECISIONS: Mapping[str, Mapping[str, Any]] = {
    "plan_gate": {"choice": "approve"},
    "merge_gate": {"choice": "approve"},
    "budget_gate": {"choice": "raise", "amount_usd": "5"},
}
"""What a person decides where a test says nothing else."""


@dataclass
class Told:
    """An epic, and what is asked of it."""

    engine: Engine
    id: str
    repo: Path
    home: Path
    url: str
    models: PlayedModels | None = None

    async def decide(self, choice: str, **more: Any) -> Any:
        """Decide at the gate that waits, and advance."""
        from epics.approvals import Decision

        await self.engine.decide(self.id, Decision.model_validate({"choice": choice, "by": "ann", "channel": "test", **more}))
        return await self.engine.advance(self.id)

    async def to_the_end(self) -> Any:
        """Advance, deciding at every gate as people mostly do."""
        view = await self.engine.advance(self.id)
        while view.status == "waiting":
            view = await self.decide(**DECISIONS[view.step])
        return view

    async def replay(self, **code: Any) -> Replay:
        """Replay and compare everything; nothing may be changed by it."""
        from engine.time_machine.replay import Code
        from engine.time_machine.replaying import Replaying

        before, asked = self.witness(), len(self.models.asked) if self.models else 0
        found = await Replaying(self.engine._installation, Code(**code)).replay(self.id, verify=True)
        assert self.witness() == before
        assert self.models is None or len(self.models.asked) == asked
        return found

    def witness(self) -> Witness:
        """Everything that must stay as it is."""
        return Witness.of(self.url, self.home, self.repo)


Tell = Callable[..., Awaitable[Told]]


@pytest.fixture
def tell(engine_at, story, small_repo, tmp_path, database_url) -> Tell:
    """Queues an epic with scripted agents."""
    from engine.starting import StartEpic

    async def start(script: Any = None, **asked: Any) -> Told:
        engine = await engine_at(script or story())
        view = await engine.start(StartEpic(goal=GOAL, repo=str(small_repo), executor="scripted", **asked))
        return Told(engine=engine, id=view.id, repo=small_repo, home=tmp_path / "home", url=database_url)

    return start


@pytest.fixture
def converse(engine_at, story, small_repo, tmp_path, database_url) -> Tell:
    """Queues an epic whose agents run in process, by a model that follows a script; `wrap` may stand around the executor."""
    from engine.starting import StartEpic

    async def start(script: Any, *, wrap: Callable[[Executor], Executor] = lambda inner: inner, **asked: Any) -> Told:
        engine, models = conversing(await engine_at(story()), script, wrap)
        view = await engine.start(StartEpic(goal=GOAL, repo=str(small_repo), executor="in_process", model="scripted:demo", **asked))
        return Told(engine=engine, id=view.id, repo=small_repo, home=tmp_path / "home", url=database_url, models=models)

    return start


def conversing(engine: Engine, script: Any, wrap: Callable[[Executor], Executor] = lambda inner: inner) -> tuple[Engine, PlayedModels]:
    """The same engine with agents that run in process, and the models that they ask, which follow a script."""
    from engine.engine import Engine
    from executors.in_process import InProcessExecutor
    from executors.scripts import Script
    from executors.terms import Terms
    from safety.prices import Price
    from tests.fakes.played_model import PlayedModels

    models = PlayedModels(Script.model_validate(script))
    terms = Terms(prices={"scripted:demo": Price.per_million(Decimal(3), Decimal(15))}, floor_tokens=300)
    executors = {"in_process": wrap(InProcessExecutor(models, terms=terms))}
    return Engine(replace(engine._installation, executors=executors)), models
