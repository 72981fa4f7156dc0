"""What all tests share: a database of their own, small git repositories, and no call to a model."""

from __future__ import annotations

import asyncio
import atexit
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    # psycopg and the packages above it take a good part of a second to import; unit tests need none of them.
    from db.connection import Database
    from tests.fakes.nursery import Nursery
    from tests.fakes.standing import Standing

MODELS = "pydantic_ai.models"


class GitRepo(Protocol):
    """Makes a git repository with one commit of `files` on `branch`, and returns its directory."""

    def __call__(self, files: Mapping[str, str] | None = None, *, name: str = "repo", branch: str = "main") -> Path: ...


class Git(Protocol):
    """Runs git in a repository, and returns what it printed."""

    def __call__(self, repo: Path, *arguments: str) -> str: ...


class _NoModelRequests(importlib.abc.MetaPathFinder):
    """Switches model requests off as soon as pydantic_ai is imported, however late in a test that is."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname != MODELS:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _SwitchedOff(spec.loader.name, spec.loader.path)
        return spec


class _SwitchedOff(importlib.machinery.SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        module.__dict__["ALLOW_MODEL_REQUESTS"] = False


sys.meta_path.insert(0, _NoModelRequests())

# As `genie` itself does: a third of what it takes to collect thousands of tests was spent on looking for garbage among them.
gc.set_threshold(50_000, 5, 5)
atexit.register(gc.freeze)


def pytest_collection_finish() -> None:
    """Let what is there before the first test be looked at by no collector of garbage any more."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Two for each processor, unless the environment says another number: half of their time tests wait, for a process or for the disk."""
    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else 2 * (os.cpu_count() or 1)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The URL of a server for this session: the one of GENIE_TEST_DATABASE_URL, or an embedded one in a directory of its own."""
    if url := os.environ.get("GENIE_TEST_DATABASE_URL"):
        yield url
        return

    from db.embedded import open_embedded
    from tests.fakes.in_memory import quick_folder

    # One loop for going in and coming out, apart from the loops of the tests.
    with (
        quick_folder(tmp_path_factory.mktemp("genie-home")) as home,
        asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner,
    ):
        server = open_embedded(home)
        url = runner.run(server.__aenter__())
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            # It ends with the tests: nobody needs what a power cut would leave of it, and waiting for the disk is much of their time.
            _administer(url, f"ALTER SYSTEM SET {setting} = off")
        _administer(url, "SELECT pg_reload_conf()")
        try:
            yield url
        finally:
            runner.run(server.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def database_template(postgres_server: str) -> Generator[str]:
    """The name of a migrated database that nobody is connected to, made once: a copy of it costs less than migrating."""
    from db.migrations import migrate

    with _own_database(postgres_server, "template0") as url:
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(migrate(url))
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def empty_database_url(postgres_server: str) -> Generator[str]:
    """The URL of an empty database of this test's own."""
    with _own_database(postgres_server, "template0") as url:
        yield url


@pytest.fixture
def tmp_path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder of this test's own: where its module has a `standing` epic that it asks for, the one with that epic in it."""
    if "standing" not in request.fixturenames:
        return tmp_path
    standing: Standing = request.getfixturevalue("standing")
    standing.put_back()
    return standing.place


@pytest.fixture
def database_url(postgres_server: str, database_template: str, request: pytest.FixtureRequest) -> Generator[str]:
    """The URL of a database of this test's own: a migrated one, or a copy of that of the `standing` epic."""
    template = request.getfixturevalue("standing").database if "standing" in request.fixturenames else database_template
    with _own_database(postgres_server, template) as url:
        yield url


@pytest.fixture
async def database(database_url: str, tmp_path: Path) -> AsyncGenerator[Database]:
    """A migrated database of this test's own, open."""
    from db.connection import open_database

    async with open_database(database_url, tmp_path / "unused-home", migrate=False) as opened:
        yield opened


@pytest.fixture(scope="session")
def git() -> Git:
    """Runs git as a fixed person at a fixed time, whatever the user's configuration says."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        **{f"GIT_{role}_NAME": "Test Author" for role in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{role}_EMAIL": "author@example.org" for role in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{role}_DATE": "2026-01-01T00:00:00+0000" for role in ("AUTHOR", "COMMITTER")},
    }

    def run(repo: Path, *arguments: str) -> str:
        command = ["git", "-C", str(repo), *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    return run


@pytest.fixture
def git_repo(tmp_path: Path, git: Git) -> GitRepo:
    """A factory of small git repositories."""

    def make(files: Mapping[str, str] | None = None, *, name: str = "repo", branch: str = "main") -> Path:
        return make_repo(git, tmp_path / name, files or {"README.md": "A small repository.\n"}, branch=branch)

    return make


def make_repo(git: Git, repo: Path, files: Mapping[str, str], *, branch: str = "main") -> Path:
    """Make a repository with one commit of the files, where nothing is."""
    repo.mkdir(parents=True)
    for path, text in files.items():
        file = repo / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    git(repo, "init", "--quiet", f"--initial-branch={branch}")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message", "Begin")
    return repo


@pytest.fixture(scope="session")
def nursery() -> Generator[Nursery]:
    """What bears the processes: they are the real command, without the seconds of importing at each start."""
    from tests.fakes.nursery import Nursery

    with Nursery() as made:
        yield made


@contextmanager
def _own_database(server: str, template: str) -> Generator[str]:
    name = f"genie_test_{secrets.token_hex(6)}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def _administer(server: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.encode())
