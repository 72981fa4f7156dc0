"""The real command, run as a user would run it: a process of its own, with nothing in its environment but what a test gives.

Most are born by the nursery, which has imported everything already; what that leaves out is a second of importing for each command.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.conftest import _own_database
from tests.fakes.standing import Standing, kept_of
from tests.fakes.terminal import Terminal

if TYPE_CHECKING:
    from tests.fakes.nursery import Nursery

ROOT = Path(__file__).parents[2]
LONG_INPUT = 10_000


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """What it printed on stdout, which must be one JSON document."""
        return json.loads(self.out)

    def id(self, kind: str) -> str:
        """The first id of a kind (`e`, `a`) in what it said."""
        words = (self.out + " " + self.err).replace("\n", " ").split()
        return next(word.strip(".:") for word in words if word.startswith(f"{kind}-") and len(word.strip(".:")) == len("e-0123456789"))


class Genie(Protocol):
    """Runs `genie` with these arguments; `fresh` begins Python too, as a shell would."""

    def __call__(
        self, *arguments: str, stdin: str = "", cwd: Path | None = None, env: dict[str, str] | None = None, fresh: bool = False
    ) -> Ended: ...


Bring = Callable[[Genie, Path], str]
"""Brings an epic by commands to where tests begin, in the folder that it is given, and returns its id."""


@pytest.fixture
def genie_environment(tmp_path: Path, database_url: str) -> dict[str, str]:
    """A user with an empty home, and a database of this test's own."""
    return _environment(tmp_path, database_url)


def _environment(folder: Path, database_url: str) -> dict[str, str]:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        # 32 bytes: `genie` on a server of PostgreSQL makes no key of its own.
        "GENIE_SECRET_KEY": "YSBrZXkgZm9yIHNlY3JldHMgaW4gdGVzdHMsIG9ubHk=",
        "PYTHONPATH": str(ROOT),
        "GENIE_HOME": str(folder / "genie"),
        "GENIE_DATABASE_URL": database_url,
    }


@pytest.fixture
def genie(genie_environment: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest) -> Genie:
    """Runs `genie` and waits for its end."""
    return _runner(genie_environment, tmp_path, tmp_path / "said", request)


@pytest.fixture
def terminal(genie_environment: dict[str, str], tmp_path: Path) -> Generator[Callable[..., Terminal]]:
    """Opens a command on a terminal; whatever is left of it is ended."""
    opened: list[Terminal] = []

    def open_terminal(*arguments: str, **env: str) -> Terminal:
        opened.append(Terminal(list(arguments), {**genie_environment, **env}, tmp_path))
        return opened[-1]

    yield open_terminal
    for each in opened:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


@pytest.fixture
def sample(genie_environment: dict[str, str], tmp_path: Path) -> str:
    """The repository of the demo, whose script any epic on it can play."""
    from cli.demonstration import make_repository

    place = tmp_path / "sample"
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(make_repository(place, genie_environment))
    return str(place)


@pytest.fixture(scope="module")
def bring(
    postgres_server: str, database_template: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Generator[Callable[[Bring], Standing]]:
    """Brings an epic by commands to where the tests of a module begin; a module's fixture `standing` returns what comes of it."""
    with ExitStack() as stack:

        def bring_one(go: Bring) -> Standing:
            folder = tmp_path_factory.mktemp("standing")
            place = folder / "place"
            place.mkdir()
            url = stack.enter_context(_own_database(postgres_server, database_template))
            return kept_of(go(_runner(_environment(place, url), place, folder / "said", request), place), folder, url)

        yield bring_one


def _runner(genie_environment: Mapping[str, str], tmp_path: Path, said: Path, request: pytest.FixtureRequest) -> Genie:
    count = itertools.count(1)

    def run(*arguments: str, stdin: str = "", cwd: Path | None = None, env: dict[str, str] | None = None, fresh: bool = False) -> Ended:
        environment, folder = {**genie_environment, **(env or {})}, cwd or tmp_path
        # What Python itself reads as it begins (its own variables) cannot be changed in one that has begun.
        if fresh or len(stdin) > LONG_INPUT or sys.platform != "linux" or any(name.startswith("PYTHON") for name in env or ()):
            return _run_fresh(arguments, stdin, folder, environment)
        nursery: Nursery = request.getfixturevalue("nursery")
        said.mkdir(exist_ok=True)
        out, err = (said / f"{next(count)}.{name}" for name in ("out", "err"))
        ended = nursery.begin(arguments, environment, folder, out, err, stdin=stdin).end()
        return Ended(code=ended.code, out=ended.out, err=ended.err)

    return run


def _run_fresh(arguments: Sequence[str], stdin: str, folder: Path, environment: Mapping[str, str]) -> Ended:
    # -P: the folder in which the command is called is not a place to import from, as with the installed script.
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from cli.main import main; main()", *arguments],
        input=stdin,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ended(code=done.returncode, out=done.stdout, err=done.stderr)
