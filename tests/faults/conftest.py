"""Real processes of the real command, killed from outside; what happened is counted at the model's server, in git and in the database."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.effect_log import EffectLog
from tests.fakes.machine import Machine, Running, until
from tests.fakes.story import GOAL, STORY, make_repository

if TYPE_CHECKING:
    from executors.scripts import Script
    from tests.fakes.model_server import ModelServer
    from tests.fakes.nursery import Nursery

PAUSE_S = 0.12


class Scene:
    """A repository, a model's server, a database, and machines with processes of `genie` on them."""

    def __init__(self, folder: Path, database_url: str, server: ModelServer, nursery: Nursery) -> None:
        self.folder = folder
        self.database_url = database_url
        self.server = server
        self.effects = EffectLog(folder / "effects.log")
        self.repo = make_repository(folder / "repo", also=self.effects.command("tested"))
        self.where = str(self.repo)
        """How the repository is named to Genie: its path, or a URL."""
        self._nursery = nursery
        self._machines: list[Machine] = []
        self.here = self.machine("here")

    def machine(self, name: str, *, hostname: str | None = None, skew_s: float = 0.0, **settings: str) -> Machine:
        """Another machine, with a home of its own."""
        given = {"GENIE_DATABASE_URL": self.database_url, "ANTHROPIC_BASE_URL": self.server.url, **settings}
        made = Machine(self.folder / name, given, hostname=hostname, skew_s=skew_s, nursery=self._nursery)
        self._machines.append(made)
        return made

    def begin(self, *arguments: str) -> Running:
        """Begin a command here, and do not wait for it."""
        return self.here.begin(*arguments)

    def start(self, *more: str, on: Machine | None = None) -> Running:
        """Begin the epic of the story in the foreground, every gate approved in advance."""
        return (on or self.here).begin("epic", "start", GOAL, "--repo", self.where, "--yes", *more)

    def queue(self, *more: str, mark: str = "") -> str:
        """Leave the epic of the story to workers, and return its id."""
        goal = f"{GOAL} (mark {mark})" if mark else GOAL
        ended = self.here.run("epic", "start", goal, "--repo", self.where, "--detach", "--json", *(more or ("--yes",)))
        assert ended.code == 0, ended.said
        return str(ended.json["id"])

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database itself."""
        import psycopg

        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def do(self, statement: str) -> None:
        """Change something in the database itself."""
        import psycopg

        with psycopg.connect(self.database_url) as connection:
            connection.execute(statement.encode())

    def epic(self) -> str:
        """The newest epic."""
        return str(self.ask("SELECT id FROM epics ORDER BY id DESC LIMIT 1")[0][0])

    def status(self, epic: str) -> str:
        """Where an epic stands, as the faces show it."""
        return str(self.ask("SELECT status FROM shown_epics WHERE id = %s", epic)[0][0])

    def until_asked(self, requests: int, process: Running | None = None) -> bool:
        """Wait until the model's server was asked so often; False if the command ended before."""
        until(
            lambda: len(self.server.requests) >= requests or (process is not None and process.code is not None),
            f"the model's server is asked {requests} times",
        )
        return len(self.server.requests) >= requests

    def follow(self, process: Running, more: int) -> None:
        """Wait until a command, which must go on, has asked the model's server so many times more."""
        assert self.until_asked(len(self.server.requests) + more, process), process.said

    def until_status(self, epic: str, *wanted: str, seconds: float = 90.0) -> str:
        """Wait until an epic stands so, and return how."""
        return str(until(lambda: (now := self.status(epic)) in wanted and now, f"{epic} becomes {wanted}", seconds=seconds, every_s=0.1))

    def recorded(self) -> int:
        """How many answers are in the journal."""
        return int(self.ask("SELECT count(*) FROM turns")[0][0])

    def git(self, *arguments: str) -> str:
        """Ask the person's repository."""
        from tests.fakes.git_server import git

        return git(self.repo, *arguments)

    def close(self) -> None:
        """End what is still running."""
        for machine in self._machines:
            machine.close()


@pytest.fixture
def make_scene(tmp_path: Path, nursery: Nursery) -> Generator[Callable[..., Scene]]:
    """Makes scenes on a database; `pause_s` is how long each answer of the model takes, so that a kill can fall into it."""
    from contextlib import ExitStack

    from tests.fakes.model_server import ModelServer

    with ExitStack() as stack:

        def make(database_url: str, *, pause_s: float = PAUSE_S, name: str = "scene", script: Script = STORY) -> Scene:
            folder = tmp_path / name
            folder.mkdir()
            played = script.model_copy(update={"pause_s": pause_s})
            made = Scene(folder, database_url, stack.enter_context(ModelServer(played, log=folder / "requests.jsonl")), nursery)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def scene(make_scene: Callable[..., Scene], database_url: str) -> Scene:
    """The story's repository, on a database of the test's own."""
    return make_scene(database_url)
