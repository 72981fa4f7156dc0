"""Epics that an older release left in PostgreSQL are carried on to their end by this one (fault 21)."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.golden.saved import HERE, Saved, put_rows, read, unbundle

pytestmark = pytest.mark.postgres

FILES = sorted(HERE.glob("*.json.gz"))

#: Places like others that are carried on in every run of the tests.
SELDOM = ("queued", "fix_cut", "budget_gate")
EACH = [
    pytest.param(path, id=name, marks=[pytest.mark.faults] if name.endswith(SELDOM) else [])
    for path in FILES
    for name in [path.name.partition(".")[0]]
]


@dataclass(frozen=True)
class Old:
    """A database that an older release filled, as this one finds it after its migrations."""

    url: str
    folder: Path

    def place(self, saved: Saved) -> Path:
        return self.folder / saved.release / saved.name


@pytest.fixture(scope="module")
def old(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Old]:
    """Made once for all saved epics: the rows are put in under the migrations of their release, and then come the others."""
    from db.migrations import DIRECTORY, migrate

    name, folder = f"genie_test_{secrets.token_hex(6)}", tmp_path_factory.mktemp("old")
    url = urlsplit(postgres_server)._replace(path=f"/{name}").geturl()
    made = Old(url=url, folder=folder)
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        try:
            for release in sorted({read(path).release for path in FILES}):
                epics = [saved for path in FILES if (saved := read(path)).release == release]
                then = folder / release / "migrations"
                then.mkdir(parents=True)
                for migration in epics[0].migrations:
                    shutil.copy(DIRECTORY / f"{migration}.sql", then)
                asyncio.run(migrate(url, then))
                for saved in epics:
                    put_rows(url, saved.rows, repo=made.place(saved) / "repo", home=made.place(saved) / "home")
            asyncio.run(migrate(url))
            yield made
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
async def revive(old, engine_at):
    """Puts the repository and the mirror of a saved epic in their places, and opens an engine that can carry it on."""
    from tests.integration.conftest import Began
    from timemachine.mirrors import open_mirror

    async def put(saved: Saved):
        repo, home = old.place(saved) / "repo", old.place(saved) / "home"
        repo.mkdir(parents=True)
        _git(repo, "init", "--quiet", "--initial-branch=main")
        unbundle(saved.repo, repo)
        _git(repo, "reset", "--quiet", "--hard", "main")
        unbundle(saved.mirror, (await open_mirror(home, str(repo), {})).path)
        engine = await engine_at(saved.script, database_url=old.url, home=home)
        return Began(engine=engine, id=saved.epic, repo=repo)

    return put


def test_there_are_saved_epics_of_each_kind_of_place():
    assert {read(path).name for path in FILES} >= {
        *("queued", "plan_gate", "implement_cut", "fix_cut", "failure_gate", "budget_gate", "merge_gate")
    }


@pytest.mark.parametrize("path", EACH)
async def test_an_epic_of_an_older_release_is_carried_on_to_its_end(revive, git, path: Path):
    saved = read(path)
    epic = await revive(saved)
    before = await epic.engine.moments(epic.id)
    bought = await _bought(epic)

    view = await epic.engine.advance(epic.id)
    for decision in saved.decisions:
        assert (view.status, view.problem) == ("waiting", None)
        await epic.decide(**decision)
        view = await epic.engine.advance(epic.id)

    assert (view.status, view.problem) == ("merged", None)
    assert git(epic.repo, "show", "main:greeting.txt").startswith("hello")
    assert git(epic.repo, "rev-parse", "main") == view.head
    assert (await epic.engine.moments(epic.id))[: len(before)] == before
    # What the older release had bought was not bought again.
    now = await _bought(epic)
    assert {turn: now[turn] for turn in bought} == bought


async def _bought(epic):
    rows = await epic.rows("SELECT attempt, n, answer::text AS answer FROM turns WHERE epic_id = %s")
    return {(row["attempt"], row["n"]): row["answer"] for row in rows}


def _git(repo: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", repo, *arguments], check=True, capture_output=True)
