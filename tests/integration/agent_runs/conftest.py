"""Agents written in Python, run in this process on the real engine, with models that play a script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.runs.views import RunView


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A queued run of an agent, and the engine that can advance it."""

    engine: Engine
    id: str

    async def end(self) -> RunView:
        """Run it here until it stands still."""
        return await self.engine.runs.advance(self.id)

    async def kinds(self) -> list[str]:
        """The types of its events."""
        return [event.type for event in await self.engine.runs.events(self.id)]

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows that no view shows; `%s` in the query stands for the run."""
        async with self.engine._pool.connection() as connection:
            return await (await connection.execute(query.encode(), [self.id] if "%s" in query else None)).fetchall()


WriteAgent = Callable[..., Path]
AskAgent = Callable[..., Awaitable[Asked]]


@pytest.fixture
def agents_dir(tmp_path: Path) -> Path:
    """A folder of agents of this installation's own."""
    made = tmp_path / "agents"
    made.mkdir()
    return made


@pytest.fixture
def write_agent(agents_dir: Path) -> WriteAgent:
    """Writes an agent: `write_agent("poet", body_of_its_methods, description="…")`."""

    def write(name: str, body: str, **said: str) -> Path:
        imports = said.pop("imports", "")
        attributes = {"description": '"Under test."', "prompt": '"You are under test."', **said}
        lines = "".join(f"    {key} = {value}\n" for key, value in attributes.items())
        folder = agents_dir / name
        folder.mkdir(exist_ok=True)
        text = f"from agents.agent import Agent, AgentRun\n{imports}\n\nclass Made(Agent):\n{lines}\n{body}"
        (folder / "agent.py").write_text(text)
        return folder / "agent.py"

    return write


def plays(*turns: Mapping[str, Any], agent: str = "poet") -> dict[str, Any]:
    """The script of a model that says these turns to an agent."""
    return {"plays": [{"workflow": agent, "turns": list(turns)}]}


@pytest.fixture
async def ask_agent(engine_at: Callable[..., Awaitable[Engine]], agents_dir: Path) -> AskAgent:
    """Queues runs: `ask_agent("poet", script, **fields of StartRun)`; the engine stays for runs without a script."""
    from engine.runs.orders import StartRun

    engines: list[Engine] = []

    async def ask(agent: str, script: Any = None, **asked: Any) -> Asked:
        if script is not None:
            engines.append(await engine_at(script, agents_dir=agents_dir))
        given = {"workflow": agent, "executor": "scripted", "task": "Say something", **asked}
        view = await engines[-1].runs.start(StartRun(**given))
        return Asked(engine=engines[-1], id=view.id)

    return ask
