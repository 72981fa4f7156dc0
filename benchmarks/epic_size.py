"""How much of the database a finished epic keeps, its journal and packs aside, and with what it taught."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from pathlib import Path
from shutil import copytree
from typing import Any, Final

from psycopg.rows import scalar_row

from cli.demonstration import GOAL, SAMPLE
from cli.session import SCRIPT
from config.settings import Settings
from db.connection import Pool, open_database
from engine.bootstrap import open_engine
from engine.starting import StartEpic

_EPICS: Final = 5
_TARGET_KB: Final = 200
_SETTLES_IN_S: Final = 30.0


def measure() -> list[dict[str, Any]]:
    """Bytes that all but the journal and packs grows by, tables and indexes, for each of five finished epics of the demonstration."""
    with tempfile.TemporaryDirectory(prefix="genie-bench-") as folder:
        kilobytes = asyncio.run(_kilobytes_per_epic(Path(folder)))
    return [
        {
            "name": "PostgreSQL kilobytes per finished epic, journal and packs aside",
            "value": round(kilobytes, 1),
            "unit": "KB",
            "against": f"an empty database; {_EPICS} epics of the demonstration",
            "ratio": round(kilobytes / _TARGET_KB, 3),
            "target": _TARGET_KB,
            "met": kilobytes <= _TARGET_KB,
        }
    ]


async def _kilobytes_per_epic(folder: Path) -> float:
    home = folder / "home"
    settings = Settings.model_validate({"home": home})
    async with open_database(None, home) as database, open_engine(settings, script=SCRIPT) as engine:
        await _finish_epic(engine, folder / "warm")
        before = await _size(database.pool)
        for number in range(_EPICS):
            await _finish_epic(engine, folder / f"repository-{number}")
        return (await _size(database.pool) - before) / _EPICS / 1000


async def _finish_epic(engine: Any, repo: Path) -> None:  # an Engine
    await asyncio.to_thread(_make_repository, repo)
    started = await engine.start(StartEpic(goal=GOAL, repo=str(repo), executor="scripted", auto_approve=True))
    ended = await engine.advance(started.id)
    await engine.knowledge.settle(_SETTLES_IN_S)
    if ended.status != "merged":
        message = f"the epic ended {ended.status}: {ended.problem}"
        raise RuntimeError(message)


def _make_repository(repo: Path) -> None:
    copytree(SAMPLE, repo)
    who = {f"GIT_{role}_{what}": "bench@localhost" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Begin"]):
        subprocess.run(["git", *command], cwd=repo, env={**os.environ, **who}, check=True)


async def _size(pool: Pool) -> int:
    """Bytes of all relations but those of the journal and of packs, rewritten first so that no dead row counts."""
    async with pool.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute("VACUUM FULL")
        await cursor.execute(
            "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND relname NOT IN ('turns', 'briefs', 'packs', 'pack_needs', 'epic_packs')"
        )
        return int((await cursor.fetchone()) or 0)
