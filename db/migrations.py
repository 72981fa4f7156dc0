"""Numbered migrations: what the database has, what it lacks, and bringing it up to date, one process at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from psycopg import AsyncConnection
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from db.failures import foreseen
from db.library_tables import name_of, set_up, versions
from db.queries import QUERIES
from epics.errors import SchemaMismatch, StoreUnavailable

DIRECTORY: Final = Path(__file__).parent / "sql" / "migrations"
#: "genie" in ASCII. Advisory locks are per database, so two Genies on one server do not meet here.
LOCK_KEY: Final = 0x67656E6965
LOCK_TIMEOUT_S: Final = 120.0
LOCK_POLL_S: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class SchemaStatus:
    """How the schema of a database stands to the one this code was written for."""

    #: The newest numbered migration that the database has.
    current: str | None
    #: The newest numbered migration that this code has.
    latest: str | None
    #: What is still to be done, in order; the tables of a library count as one.
    pending: tuple[str, ...]
    #: What the database has and this code does not know.
    newer: tuple[str, ...]

    def refuse_newer(self) -> None:
        """Let no older code write to a newer schema.

        Raises:
            SchemaMismatch: if the database has a migration that this code does not know.
        """
        if self.newer:
            raise SchemaMismatch(
                f"the database was written by a newer Genie: it has {', '.join(self.newer)}, and this one ends at "
                f"{self.latest}; install the newer Genie, or name another database in GENIE_DATABASE_URL"
            )


def known_migrations(directory: Path = DIRECTORY) -> tuple[str, ...]:
    """The names of the numbered migrations, in their order."""
    return tuple(sorted(path.stem for path in directory.glob("[0-9]*.sql")))


async def schema_status(database: AsyncConnectionPool[AsyncConnection[DictRow]] | str, directory: Path = DIRECTORY) -> SchemaStatus:
    """Compare the schema with the code, in one quick query.

    Raises:
        StoreUnavailable: if the database does not answer.
    """
    with foreseen():
        if isinstance(database, str):
            async with _connection(database) as connection:
                return await _status(connection, directory)
        async with database.connection() as connection:
            return await _status(connection, directory)


async def migrate(dsn: str, directory: Path = DIRECTORY) -> tuple[str, ...]:
    """Bring the schema up to date, and return what that took; empty if another process was quicker, or nothing was missing.

    Each numbered migration and the note that it was applied are one transaction, so a kill leaves no half of it.

    Raises:
        SchemaMismatch: if the database is newer than this code.
        StoreUnavailable: if the database does not answer, or another process migrates it for too long.
    """
    with foreseen():
        async with _connection(dsn) as connection, _one_at_a_time(connection):
            # Before all else: where this table is missing, `applied_migrations` fails, and that must mean a new database.
            await connection.execute(QUERIES["create_library_schemas"])
            status = await _status(connection, directory)
            status.refuse_newer()
            known = known_migrations(directory)
            if numbered := tuple(name for name in status.pending if name in known):
                await asyncio.to_thread(_apply, dsn, directory, numbered)
            for library, version in versions().items():
                if name_of(library, version) in status.pending:
                    await set_up(connection, library, version)
            return status.pending


async def _status(connection: AsyncConnection[DictRow], directory: Path) -> SchemaStatus:
    known = known_migrations(directory)
    applied: frozenset[str] = frozenset()
    libraries: frozenset[str] = frozenset()
    try:
        row = await (await connection.execute(QUERIES["applied_migrations"])).fetchone()
    except pg.UndefinedTable:
        row = None
    if row is not None:
        applied, libraries = frozenset(row["applied"]), frozenset(row["libraries"])
    pending = [name for name in known if name not in applied]
    pending.extend(name for library, version in versions().items() if (name := name_of(library, version)) not in libraries)
    return SchemaStatus(
        current=max(applied, default=None),
        latest=max(known, default=None),
        pending=tuple(pending),
        newer=tuple(sorted(applied.difference(known))),
    )


def _apply(dsn: str, directory: Path, names: tuple[str, ...]) -> None:
    """Apply the numbered migrations, each in one transaction with its mark.

    yoyo's own `apply_migrations` commits a migration before it marks it, so that a kill in between would leave a database that
    can go neither on nor back (docs/decisions/0002); its parts are used here one by one instead.
    """
    # Inside the function: a database that is up to date must not pay for this import at each start.
    from yoyo import read_migrations  # type: ignore[import-untyped]  # noqa: PLC0415
    from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend  # type: ignore[import-untyped]  # noqa: PLC0415
    from yoyo.connections import DatabaseURI  # type: ignore[import-untyped]  # noqa: PLC0415

    # Built from libpq's parts, not from a URL: yoyo reads URLs by rules of its own, which differ for sockets and % signs.
    arguments = {**conninfo_to_dict(dsn), "application_name": "genie migrate"}
    uri = DatabaseURI("postgresql+psycopg", None, None, None, None, arguments.get("dbname"), arguments)
    with PostgresqlPsycopgBackend(uri, "_yoyo_migration") as backend:
        backend.create_lock_table()
        # Whoever left this lock is dead: we hold the advisory lock, which ends with its holder.
        backend.break_lock()
        backend.ensure_internal_schema_updated()
        for migration in backend.to_apply(read_migrations(str(directory))):
            migration.load()
            if migration.id not in names or not migration.use_transactions:
                raise ValueError(f"the migration {migration.id} must have a number and be one transaction")
            with backend.transaction():
                migration.process_steps(backend, "apply")
                backend.mark_one(migration, log=False)


@asynccontextmanager
async def _connection(dsn: str) -> AsyncGenerator[AsyncConnection[DictRow]]:
    connection = await AsyncConnection[DictRow].connect(
        dsn, autocommit=True, prepare_threshold=0, row_factory=dict_row, application_name="genie migrate", connect_timeout=10
    )
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def _one_at_a_time(connection: AsyncConnection[DictRow]) -> AsyncGenerator[None]:
    """Hold the migration lock; closing the connection gives it back."""
    try:
        async with asyncio.timeout(LOCK_TIMEOUT_S):
            while not await _locked(connection):  # noqa: ASYNC110 - another process sets no event of ours
                await asyncio.sleep(LOCK_POLL_S)
    except TimeoutError as error:
        raise StoreUnavailable(f"another process has been migrating this database for {LOCK_TIMEOUT_S:.0f} s; try again later") from error
    yield


async def _locked(connection: AsyncConnection[DictRow]) -> bool:
    cursor = await connection.execute(QUERIES["try_migration_lock"], {"key": LOCK_KEY})
    row = await cursor.fetchone()
    return row is not None and bool(row["locked"])
