"""Connections to PostgreSQL: the pool, and the whole database opened and checked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from db.announcing import Announcer
from db.cleaning import Clean, clean_over
from db.embedded import open_embedded
from db.failures import first_line, foreseen
from db.migrations import migrate as migrate_schema
from db.migrations import schema_status
from db.queries import QUERIES
from db.sealer import NoSealer, Sealer
from epics.errors import InvalidSettings, SchemaMismatch, StoreUnavailable

Connection: TypeAlias = AsyncConnection[DictRow]


class Pool(AsyncConnectionPool[Connection]):
    """A pool that forgets no cancel.

    While no connection is free it waits by `asyncio.wait_for`, and that of Python 3.11 (python/cpython issue 86296) drops a cancel that
    comes just as the connection does: a task that was told to end would go on, and whoever waits for its end would wait for ever.
    """

    sealer: Sealer = NoSealer()
    """Given by whoever opens the installation, which has the keys."""

    _cleaner: Clean | None = None

    def clean_with(self, clean: Clean) -> None:
        """Let secrets be taken out by who knows them."""
        self._cleaner = clean

    def clean_also_with(self, clean: Clean) -> None:
        """Let more be taken out, which became known to be secret later."""
        before = self._cleaner
        self._cleaner = clean if before is None else lambda value: clean(before(value))

    def clean(self, value: Any) -> Any:  # any JSON
        """A value that people are to see, without secrets; as it is where nobody said what is secret."""
        return value if self._cleaner is None else self._cleaner(value)

    @cached_property
    def announcer(self) -> Announcer:
        """Tells followers of what was committed over this pool."""
        return Announcer(self._announce)

    async def close(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109  # the base class has it so
        """Close the pool when its last announcements are made."""
        if "announcer" in vars(self):
            await self.announcer.close()
        await super().close(timeout)

    async def _announce(self, epics: list[str]) -> None:
        with foreseen():
            # Not long: nobody is to wait for it, least of all the end of a process whose database is away.
            async with self.connection(ANNOUNCE_WAIT_S) as connection:
                await connection.execute(QUERIES["announce"], {"epics": epics})

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109  # the base class has it so
        """A connection, as in the base class; a cancel that came meanwhile is raised."""
        task = asyncio.current_task()
        asked_before = task.cancelling() if task is not None else 0
        connection = await super().getconn(timeout)
        if task is not None and task.cancelling() > asked_before:
            await self.putconn(connection)
            raise asyncio.CancelledError
        clean_over(connection, self)
        return connection


SCHEMES: Final = ("postgresql", "postgres")
UNREADABLE: Final = (
    "GENIE_DATABASE_URL cannot be read; it must look like postgresql://user:password@host:5432/database, "
    "with special characters in the password (such as @ : / % ?) percent-encoded"
)
CONNECT_TIMEOUT_S: Final = 10
POOL_WAIT_S: Final = 30.0
ANNOUNCE_WAIT_S: Final = 1.0
FRESH_S: Final = 0.1
GIVEN_UP_AFTER_S: Final = 15
"""A connection whose packets nobody answers is given up then; the operating system itself would wait for a quarter of an hour."""


def heard_within(seconds: float) -> dict[str, Any]:
    """Settings of a connection that is given up when the network is silent for so long; local sockets ignore them."""
    probes = 3
    each = max(1, int(seconds / (probes + 1)))
    return {
        "keepalives": 1,
        "keepalives_idle": each,
        "keepalives_interval": each,
        "keepalives_count": probes,
        "tcp_user_timeout": int(seconds * 1_000),
    }


CONNECTION_KWARGS: Final[dict[str, Any]] = {
    "autocommit": True,
    "prepare_threshold": 0,
    "row_factory": dict_row,
    "application_name": "genie",
    "connect_timeout": CONNECT_TIMEOUT_S,
    **heard_within(GIVEN_UP_AFTER_S),
}

# When each connection was given back last.
_used_at: Final[WeakKeyDictionary[Connection, float]] = WeakKeyDictionary()


@dataclass(frozen=True, kw_only=True)
class Database:
    """An open database whose schema is the one that this code was written for."""

    pool: Pool
    #: Has the password in it: never log it.
    dsn: str = field(repr=False)
    embedded: bool


@asynccontextmanager
async def open_pool(dsn: str, *, min_size: int = 1, max_size: int = 10, wait_s: float = POOL_WAIT_S) -> AsyncGenerator[Pool]:
    """Open a pool that checks each connection before it hands it out, so that a restart of the server goes unnoticed.

    Args:
        dsn: the database.
        min_size: connections that are kept.
        max_size: connections that there may be.
        wait_s: seconds that whoever finds none free waits for one.

    Raises:
        StoreUnavailable: if the server does not answer; the message has its host and database, never the password.
        InvalidSettings: if `dsn` cannot be read.
    """
    await _probe(dsn)
    pool = Pool(
        dsn,
        open=False,
        min_size=min_size,
        max_size=max_size,
        timeout=wait_s,
        check=_check,
        reset=_note_use,
        configure=_configure,
        kwargs=CONNECTION_KWARGS,
        name="genie",
    )
    try:
        with foreseen():
            await pool.open(wait=True, timeout=CONNECT_TIMEOUT_S)
        yield pool
    finally:
        await pool.close()


@asynccontextmanager
async def open_database(
    database_url: str | None, home: Path, *, migrate: bool = True, wait_s: float = POOL_WAIT_S
) -> AsyncGenerator[Database]:
    """Open the database at `database_url`, or the embedded one under `home`, and hold its schema against the code's.

    An older schema is migrated, or refused if `migrate` is false; a newer one is always refused. `wait_s` is how long whoever finds no
    connection free waits for one.

    Raises:
        InvalidSettings: if the URL is not one of PostgreSQL.
        StoreUnavailable: if the server does not answer.
        Environment: if the embedded server cannot run on this machine.
        SchemaMismatch: if the schema is newer than the code, or older and not to be migrated.
    """
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(open_embedded(home)) if database_url is None else checked_url(database_url)
        pool = await stack.enter_async_context(open_pool(dsn, wait_s=wait_s))
        status = await schema_status(pool)
        status.refuse_newer()
        if status.pending and not migrate:
            raise SchemaMismatch(f"the database lacks the migrations {', '.join(status.pending)}; run `genie db migrate`")
        if status.pending:
            await migrate_schema(dsn)
        yield Database(pool=pool, dsn=dsn, embedded=database_url is None)


def checked_url(database_url: str) -> str:
    """Return `database_url` if it names a PostgreSQL database.

    Raises:
        InvalidSettings: if it does not; the message never has the password.
    """
    scheme, separator, rest = database_url.partition("://")
    if scheme not in SCHEMES or not separator:
        seen = f"the scheme {scheme!r}" if separator else "no scheme"
        raise InvalidSettings(f"GENIE_DATABASE_URL has {seen}; it must look like postgresql://user:password@host:5432/database")
    before_path, _, path = rest.partition("?")[0].partition("/")
    ports = str(_parts(database_url).get("port") or "").split(",")
    # Signs of a password that was not encoded: libpq would take a part of it for the host, the port or the database, and quote it.
    if before_path.count("@") > 1 or "@" in path or not all(port.isdecimal() for port in ports if port):
        raise InvalidSettings(UNREADABLE)
    return database_url


async def _configure(connection: Connection) -> None:
    """Let the server end the transaction of a process that was stopped in the middle of it: its locks would hold up who takes over."""
    await connection.execute(QUERIES["end_idle_transactions"])


async def _note_use(connection: Connection) -> None:
    _used_at[connection] = time.monotonic()


async def _check(connection: Connection) -> None:
    """See that the server is still there, unless it answered on this connection a moment ago.

    A check is a round trip, and steps that follow each other quickly would pay it for each checkpoint. The moment is shorter than a server
    takes to restart, so what is handed out unchecked fails only while there is no server at all.
    """
    if time.monotonic() - _used_at.get(connection, -FRESH_S) >= FRESH_S:
        await AsyncConnectionPool[Connection].check_connection(connection)


async def _probe(dsn: str) -> None:
    """Connect once: a pool would try again in silence until its timeout, and then not say why."""
    address = _address(dsn)
    try:
        connection = await AsyncConnection.connect(dsn, connect_timeout=CONNECT_TIMEOUT_S)
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"cannot connect to the database {address}: {first_line(error)}; is GENIE_DATABASE_URL right?") from error
    await connection.close()


def _address(dsn: str) -> str:
    parts = _parts(dsn)
    return f"{parts.get('dbname') or parts.get('user') or 'default'} at {parts.get('host') or 'the default socket'}"


def _parts(dsn: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # `from None`: the parser quotes what it could not read, and that may be the password.
        raise InvalidSettings(UNREADABLE) from None
