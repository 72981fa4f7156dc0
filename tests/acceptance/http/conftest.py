"""Servers on a database that those of a test session share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import httpx2
import pytest

from tests.fakes.servers import Server, new_database, running

if TYPE_CHECKING:
    from tests.fakes.nursery import Nursery


class Serve(Protocol):
    """Starts `genie serve` with these options; it ends with the test."""

    def __call__(self, *options: str, database_url: str | None = None, ready: bool = True, **environment: str) -> Server: ...


@pytest.fixture(scope="session")
def http_database(postgres_server: str, database_template: str) -> Generator[str]:
    """A migrated database that several servers and tests share."""
    with new_database(postgres_server, database_template) as url:
        yield url


@pytest.fixture(scope="session")
def parent(request: pytest.FixtureRequest) -> Nursery | None:
    """What bears servers: the nursery, where it can."""
    found: Nursery | None = request.getfixturevalue("nursery") if sys.platform == "linux" else None
    return found


@pytest.fixture(scope="session")
def server(parent: Nursery | None, http_database: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """A server without workers."""
    folder = tmp_path_factory.mktemp("server")
    with running(folder, http_database, "--workers", "0", nursery=parent, GENIE_LOG_FORMAT="json") as started:
        yield started


@pytest.fixture(scope="session")
def second_server(parent: Nursery | None, http_database: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """Another server on the same database, with a home of its own."""
    with running(tmp_path_factory.mktemp("second-server"), http_database, "--workers", "0", nursery=parent) as started:
        yield started


@pytest.fixture
def serve(parent: Nursery | None, tmp_path: Path, http_database: str) -> Generator[Serve]:
    """Starts servers of this test's own."""
    with ExitStack() as stack:

        def start(*options: str, database_url: str | None = None, ready: bool = True, **environment: str) -> Server:
            folder = tmp_path / f"server-{len(tuple(tmp_path.glob('server-*')))}"
            folder.mkdir()
            database = database_url or http_database
            started = stack.enter_context(running(folder, database, *options, nursery=parent, ready=ready, verify=True, **environment))
            if ready:
                carry_key(started, tmp_path)
            return started

        yield start


@pytest.fixture(autouse=True)
def _key_of_the_shared_server(request: pytest.FixtureRequest) -> None:
    """Let the commands of a test show the shared server its key."""
    if {"genie", "server"} <= set(request.fixturenames):
        carry_key(request.getfixturevalue("server"), request.getfixturevalue("tmp_path"))


def carry_key(server: Server, folder: Path) -> None:
    """Put the key of a server's machine into the home of a test's commands, as if they were on that machine."""
    if server.key.exists:
        home = folder / "genie"
        home.mkdir(exist_ok=True)
        (home / "key").write_text(f"{server.key.text}\n")


@pytest.fixture
def client(server: Server) -> Generator[httpx2.Client]:
    """A client of the shared server."""
    with server.client() as opened:
        yield opened


@pytest.fixture
def repo(git_repo: Callable[..., Path]) -> str:
    """A repository that can carry epics."""
    return str(git_repo({"README.md": "Greetings.\n", "genie.toml": '[test]\ncommand = "true"\n'}))


@pytest.fixture
def epic(client: httpx2.Client, repo: str) -> str:
    """The id of a new epic that nobody works on."""
    answer = client.post("/epics", json={"goal": "Greet people", "repo": repo, "executor": "scripted"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])
