"""The database's schema, looked at and migrated."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from rich.text import Text

from cli.errors import ExitCode
from cli.output import Output
from cli.render import facts
from config.settings import Settings
from db.connection import checked_url, open_pool
from db.embedded import open_embedded
from db.migrations import SchemaStatus, schema_status
from db.migrations import migrate as migrate_schema
from db.workers import list_workers
from engine.compatibility import StrangeEpic, strange_epics
from epics.records import Record


class SchemaAnswer(Record):
    """How the database stands, as `--json` prints it."""

    database: str
    current: str | None
    latest: str | None
    pending: tuple[str, ...]
    newer: tuple[str, ...]
    applied: tuple[str, ...] = ()
    """What this command brought in."""
    strange: tuple[StrangeEpic, ...] = ()
    """Epics that have not ended and that this Genie cannot carry on."""


async def migrate(output: Output) -> int:
    """Apply what is missing.

    Raises:
        SchemaMismatch: if the database is newer than this Genie.
    """
    settings = Settings.from_env()
    async with open_dsn(settings) as dsn:
        applied = await migrate_schema(dsn)
        found = await schema_status(dsn)
    answer = _answer(settings, found, applied)
    said = f"applied {', '.join(applied)}" if applied else "the schema was up to date already"
    output.answer(record=answer, parts=[Text(said)])
    return ExitCode.DONE


async def status(output: Output) -> int:
    """Compare the database's schema with the one of this Genie."""
    settings = Settings.from_env()
    async with open_dsn(settings) as dsn:
        found = await schema_status(dsn)
        strange = () if found.pending or found.newer else await strange_epics_in(dsn)
    output.answer(
        record=_answer(settings, found, strange=strange),
        parts=[
            facts(
                [
                    ("database", where(settings)),
                    ("schema", found.current or "none yet"),
                    ("this Genie", found.latest or "–"),
                    ("pending", Text(", ".join(found.pending), style="yellow")),
                    ("unknown here", Text(", ".join(found.newer), style="red")),
                    ("way out", _way_out(found)),
                ]
            ),
            *(Text(epic.why, style="yellow") for epic in strange),
        ],
    )
    return ExitCode.FAILED if found.pending or found.newer or strange else ExitCode.DONE


async def strange_epics_in(dsn: str) -> tuple[StrangeEpic, ...]:
    """The epics in a database of this schema that have not ended and that this Genie cannot carry on."""
    async with open_pool(dsn) as pool:
        return await strange_epics(pool)


async def workers_alive_in(dsn: str) -> int:
    """How many workers of a database of this schema were heard of a moment ago."""
    async with open_pool(dsn) as pool:
        return sum(bool(row["alive"]) for row in await list_workers(pool))


@asynccontextmanager
async def open_dsn(settings: Settings) -> AsyncGenerator[str]:
    """The address of the database; starts the embedded one where no other is set."""
    if settings.database_url is not None:
        yield checked_url(settings.database_url.get_secret_value())
        return
    async with open_embedded(settings.home) as dsn:
        yield dsn


def where(settings: Settings) -> str:
    """Which database it is, in words: an address can hold a password."""
    if settings.database_url is not None:
        return "the one that GENIE_DATABASE_URL names"
    return f"embedded, under {settings.home}"


def _way_out(found: SchemaStatus) -> str:
    if found.newer:
        return "install the newer Genie, or name another database in GENIE_DATABASE_URL"
    return "genie db migrate" if found.pending else ""


def _answer(settings: Settings, found: SchemaStatus, applied: tuple[str, ...] = (), strange: tuple[StrangeEpic, ...] = ()) -> SchemaAnswer:
    return SchemaAnswer(
        database=where(settings),
        current=found.current,
        latest=found.latest,
        pending=found.pending,
        newer=found.newer,
        applied=applied,
        strange=strange,
    )
