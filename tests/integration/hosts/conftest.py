"""Hosts that share a database and a git URL, and have each a home of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.views import EventView

TURNS = [
    {"write": {"greeting.txt": "hello\n"}},
    {"run": ["git add greeting.txt", "git commit -q -m 'By hand'"]},
    {"write": {"more/words.txt": "good day\n"}},
    {"write": {"greeting.txt": "hello, you\n"}},
]


class Hosts:
    """Engines by the names of their hosts, and the epics that they begin."""

    def __init__(self, open_one: Callable[[str], Awaitable[Engine]]) -> None:
        self._open_one = open_one
        self._engines: dict[str, Engine] = {}

    async def at(self, name: str) -> Engine:
        """The engine of a host, whose home is empty when it is first asked for."""
        if name not in self._engines:
            self._engines[name] = await self._open_one(name)
        return self._engines[name]

    async def start(self, host: str, repo: str, **asked: Any) -> str:
        """Queue an epic, and return its id."""
        from engine.starting import StartEpic

        view = await (await self.at(host)).start(StartEpic(goal="Greet people", repo=repo, executor="scripted", **asked))
        return view.id

    async def until(self, host: str, epic: str, ended: Callable[[Sequence[EventView]], bool]) -> Any:
        """Let a host work on an epic until it waits or ends, or the events say that it is enough; then stop it where it is."""
        engine = await self.at(host)
        task = asyncio.create_task(engine.advance(epic))
        while not task.done() and not ended(await engine.events(epic)):
            await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.wait({task})
        return await engine.epic(epic)

    async def approve(self, host: str, epic: str) -> Any:
        """Approve at the gate that the epic waits at, and go on on that host."""
        from epics.approvals import Decision

        engine = await self.at(host)
        await engine.decide(epic, Decision.model_validate({"choice": "approve", "by": "ann", "channel": "test"}))
        return await engine.advance(epic)


class Serve(Protocol):
    """Makes a bare repository that stands for a remote one, and returns its path."""

    def __call__(self, name: str = "served") -> Path: ...


@pytest.fixture
async def hosts(engine_at, tmp_path, story) -> Hosts:
    script = story(implement=TURNS)

    async def open_one(name: str) -> Engine:
        return await engine_at(script, home=tmp_path / name)

    return Hosts(open_one)


@pytest.fixture
def source(git, git_repo) -> Path:
    """The checkout of a person, with two commits."""
    repo = git_repo({"README.md": "Greetings.\n", "genie.toml": '[test]\ncommand = "true"\n', "deep/er/file.txt": "deep\n" * 50})
    (repo / "README.md").write_text("Greetings to all.\n")
    git(repo, "commit", "--quiet", "--all", "-m", "Greet all")
    return repo


@pytest.fixture
def serve(git, source, tmp_path) -> Serve:
    def make(name: str = "served") -> Path:
        bare = tmp_path / f"{name}.git"
        git(tmp_path, "clone", "--quiet", "--bare", str(source), str(bare))
        return bare

    return make
