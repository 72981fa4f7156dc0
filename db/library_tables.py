"""The tables that libraries make for themselves: LangGraph's checkpoints and procrastinate's jobs."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from db.queries import QUERIES
from epics.errors import SchemaMismatch

LANGGRAPH: Final = "langgraph-checkpoint-postgres"
PROCRASTINATE: Final = "procrastinate"
_NUMBERS: Final = re.compile(r"\d+")


def versions() -> dict[str, str]:
    """The libraries that have tables in the database, and the versions that are installed here."""
    return {library: version(library) for library in (LANGGRAPH, PROCRASTINATE)}


def name_of(library: str, at: str) -> str:
    """What a library's tables are called among the migrations."""
    return f"{library}-{at}"


async def set_up(connection: AsyncConnection[DictRow], library: str, at: str) -> None:
    """Make the tables of a library, or bring them to the installed version, and note it; under the migration lock.

    Raises:
        SchemaMismatch: if a newer version of the library made them.
    """
    await (_set_up_langgraph if library == LANGGRAPH else _set_up_procrastinate)(connection, at)


async def _set_up_langgraph(connection: AsyncConnection[DictRow], at: str) -> None:
    # Inside the function: this takes most of a second, and only a new version of the library needs it.
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver  # noqa: PLC0415

    saver = AsyncPostgresSaver(connection)
    await saver.setup()
    cursor = await connection.execute(QUERIES["langgraph_schema_version"])
    row = await cursor.fetchone()
    if row is not None and row["version"] >= len(saver.MIGRATIONS):
        raise SchemaMismatch(
            f"the database has LangGraph's migration {row['version']}, and {name_of(LANGGRAPH, at)} ends at {len(saver.MIGRATIONS) - 1}; "
            "install the newer Genie, or name another database in GENIE_DATABASE_URL"
        )
    await _note(connection, LANGGRAPH, at)


async def _set_up_procrastinate(connection: AsyncConnection[DictRow], at: str) -> None:
    """Its own files, whole or not at all: all of its schema where it has none, else the steps since the newest version that was here."""
    # Inside the function, as above.
    from procrastinate.schema import SchemaManager  # noqa: PLC0415

    rows = await (await connection.execute(QUERIES["library_versions"], {"library": PROCRASTINATE})).fetchall()
    before = max((_numbers(row["version"]) for row in rows), default=None)
    if before is None:
        scripts = [SchemaManager.get_schema()]
    else:
        if before > _numbers(at):
            raise SchemaMismatch(
                f"the database has the tables of a newer procrastinate than {at}; install the newer Genie, "
                "or name another database in GENIE_DATABASE_URL"
            )
        files = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
        scripts = [file.read_text(encoding="utf-8") for file in files if _numbers(file.stem.partition("_")[0]) > before]
    async with connection.transaction():
        for script in scripts:
            # Many statements in one: only the simple protocol takes them.
            await connection.execute(script.encode(), prepare=False)
        await _note(connection, PROCRASTINATE, at)


async def _note(connection: AsyncConnection[DictRow], library: str, at: str) -> None:
    await connection.execute(QUERIES["record_library_schema"], {"library": library, "version": at})


def _numbers(of: str) -> tuple[int, ...]:
    """A version as numbers, for comparing: `3.10.0` and `03.10.00` are the same."""
    return tuple(int(number) for number in _NUMBERS.findall(of)[:3])
