"""Epics run in this process, on the real engine and a database of the test's own, with agents that play a script."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest

from tests.conftest import Git, _own_database, make_repo
from tests.fakes.standing import Bring, Standing, brought

if TYPE_CHECKING:
    # The engine and what is above it take a second to import; tests that open none do not wait for it.
    from engine.engine import Engine

SMALL: Final[Mapping[str, str]] = {"README.md": "Greetings.\n", "genie.toml": '[test]\ncommand = "true"\n'}

Script = Mapping[str, Any]
Turns = Sequence[Mapping[str, Any]]

GOAL: Final = "Greet people"

OUTPUTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "planning": {
        "summary": "A file that greets.",
        "tasks": ["Write the greeting"],
        "acceptance_criteria": ["greeting.txt says hello"],
        "allowed_paths": ["greeting.txt", "more/**"],
    },
    "architect": {
        "summary": "One plain file.",
        "title": "Greet from a file",
        "context": "People want to be greeted.",
        "options": [{"name": "A file", "weight": 8}],
        "decision": "Write a file.",
        "consequences": "Nothing has to run.",
    },
    "implement": {"summary": "Wrote the greeting."},
    "test": {"summary": "There is nothing to add."},
    "review": {"verdict": "passed", "summary": "It greets."},
    "fix": {"summary": "Put it right."},
    "refactor": {"summary": "Nothing to put in order."},
    "document": {"summary": "Nothing to tell."},
    "pr": {"title": "Greet people", "body": "Adds a greeting."},
    "time_machine": {"cause": "The step was cut short.", "prevention": "Begin with the file.", "restart_at": "same"},
}
"""What each workflow hands back where all goes well."""

WORK: Final[Mapping[str, Turns]] = {"implement": [{"write": {"greeting.txt": "hello\n"}}]}
"""The turns before it, for the workflows that need any."""


class Story(Protocol):
    """Makes the script of an epic in which all goes well, but for what is given.

    `first` are plays that are considered before the others; `turns` are what a workflow does instead, before it hands back its output. A
    last turn with an output, or with a way to fail, takes the place of that output.
    """

    def __call__(self, *first: Mapping[str, Any], pause_s: float = 0.0, **turns: Turns) -> dict[str, Any]: ...


Bringing = Callable[..., Standing]
"""`bring(script, go, files)`: what `go` has made of an epic on a repository, a small one; a module's fixture `standing` returns it."""

EngineAt = Callable[..., Awaitable["Engine"]]
"""`engine_at(script, **settings)`: an engine with the scripted executor on the test's own database and home, closed when the test ends."""


@dataclass(frozen=True, kw_only=True)
class Began:
    """A queued epic, the engine that can advance it, and the repository that it works on."""

    engine: Engine
    id: str
    repo: Path

    async def decide(self, choice: str, **more: Any) -> None:
        """Decide at the gate that waits; the epic is not advanced."""
        from epics.approvals import Decision

        await self.engine.decide(self.id, Decision.model_validate({"choice": choice, "by": "ann", "channel": "test", **more}))

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows that no view shows; `%s` in the query stands for the epic."""
        async with self.engine._pool.connection() as connection:
            return await (await connection.execute(query.encode(), [self.id] if "%s" in query else None)).fetchall()


class Begin(Protocol):
    """Queues an epic on a small repository of its own; what is given beside the script are the fields of `StartEpic`."""

    def __call__(self, script: Script | None = None, **asked: Any) -> Awaitable[Began]: ...


@pytest.fixture(scope="session")
def story() -> Story:
    """Makes scripts; see `Story`."""

    def make(*first: Mapping[str, Any], pause_s: float = 0.0, **turns: Turns) -> dict[str, Any]:
        plays = [{"workflow": name, "turns": _ended(name, turns.get(name, WORK.get(name, ())))} for name in OUTPUTS]
        return {"plays": [*first, *plays], "pause_s": pause_s}

    return make


@pytest.fixture
async def engine_at(tmp_path: Path, database_url: str) -> AsyncGenerator[EngineAt]:
    """Opens engines; see `EngineAt`."""
    import structlog

    from config.settings import Settings
    from engine.bootstrap import open_engine

    # As the command line does: without it, each unforeseen error is printed with all its frames and their locals, which takes seconds.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))
    async with AsyncExitStack() as stack:
        stack.callback(structlog.reset_defaults)

        async def open_one(script: Script | Path, **settings: Any) -> Engine:
            path = script if isinstance(script, Path) else tmp_path / f"script-{len(tuple(tmp_path.glob('script-*')))}.json"
            if not isinstance(script, Path):
                path.write_text(json.dumps(script), encoding="utf-8")
            given = {"home": tmp_path / "home", "database_url": database_url, **settings}
            return await stack.enter_async_context(open_engine(Settings.model_validate(given), script=path))

        yield open_one


@pytest.fixture
def small_repo(git_repo: Callable[..., Path]) -> Path:
    """A repository whose tests are one quick command."""
    return git_repo(SMALL)


@pytest.fixture(scope="module")
def bring(postgres_server: str, database_template: str, tmp_path_factory: pytest.TempPathFactory, git: Git) -> Generator[Bringing]:
    """Brings an epic to where the tests of a module begin; see `Bringing`."""
    with ExitStack() as stack:

        def bring_one(script: Script, go: Bring, files: Mapping[str, str] = SMALL) -> Standing:
            url = stack.enter_context(_own_database(postgres_server, database_template))
            return brought(tmp_path_factory.mktemp("standing"), url, script, go, lambda repo: make_repo(git, repo, files))

        yield bring_one


@pytest.fixture
async def stood(standing: Standing, engine_at: EngineAt) -> Began:
    """The epic with which the tests of the module begin, and an engine that has just been opened."""
    return Began(engine=await engine_at(standing.script), id=standing.id, repo=standing.repo)


@pytest.fixture
async def begin(engine_at: EngineAt, story: Story, small_repo: Path) -> Begin:
    """Queues epics; see `Begin`."""
    from engine.starting import StartEpic

    async def start(script: Script | None = None, **asked: Any) -> Began:
        settings = {name: asked.pop(name) for name in ("lease_seconds",) if name in asked}
        engine = await engine_at(script or story(), **settings)
        view = await engine.start(StartEpic(goal=GOAL, repo=str(small_repo), executor="scripted", **asked))
        return Began(engine=engine, id=view.id, repo=small_repo)

    return start


def _ended(workflow: str, turns: Turns) -> list[Mapping[str, Any]]:
    ends = bool(turns) and bool(turns[-1].keys() & {"output", "fail"})
    return [*turns, *(() if ends else ({"output": OUTPUTS[workflow]},))]
