"""Backing up the database: one consistent snapshot, in one file, beside live workers."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, Final

from psycopg import AsyncConnection, IsolationLevel
from psycopg.rows import DictRow, dict_row

from db.backup_file import CHUNK, FORMAT, BackupWriter, Manifest, Progress
from db.client_programs import running, said
from db.embedded_process import MAJOR
from db.failures import foreseen
from db.queries import QUERIES
from epics.errors import BackupFailed, Conflict, Environment, InvalidInput

DISTRIBUTION: Final = "genie-orchestrator"
#: Hints and signs of life: they say nothing of another database, and sweepers find the work without them.
WITHOUT_ROWS: Final = ("procrastinate_*", "workers", "yoyo_lock")


async def back_up(dsn: str, target: BinaryIO, progress: Progress) -> Manifest:
    """Write all that the database holds, as of one instant, and return what was written.

    Raises:
        Conflict: if there is nothing of Genie in the database.
        Environment: if the server is newer than the programs that Genie has.
        BackupFailed: if the database could not be read to its end.
        StoreUnavailable: if it does not answer.
    """
    with foreseen():
        connection = await AsyncConnection[DictRow].connect(dsn, row_factory=dict_row, application_name="genie backup", connect_timeout=10)
        async with connection:
            await _refuse_what_cannot_be_read(connection)
            await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
            snapshot = await _row(connection, "export_snapshot")
            counts = await _row(connection, "backup_counts")
            migrations = (await _row(connection, "applied_migrations"))["applied"]
            others = await (await connection.execute(QUERIES["other_schemas"])).fetchall()
            writer = BackupWriter(target)
            arguments = [
                *(f"--snapshot={snapshot['snapshot']}", "--no-owner", "--no-privileges", "--no-comments", "--exclude-extension=*"),
                *(f"--exclude-schema={_pattern(row['name'])}" for row in others),
                *(f"--exclude-table-data={snapshot['schema']}.{name}" for name in WITHOUT_ROWS),
            ]
            await _dump(connection, arguments, writer, progress)
            manifest = Manifest(
                format=FORMAT,
                genie=version(DISTRIBUTION),
                taken_at=snapshot["taken_at"],
                postgres=f"{connection.info.server_version // 10_000}.{connection.info.server_version % 10_000}",
                migrations=tuple(migrations),
                epics=counts["epics"],
                moments=counts["moments"],
                sql_bytes=writer.written,
                sql_sha256=writer.sha256,
            )
            await asyncio.to_thread(writer.close, manifest)
            return manifest


@contextmanager
def new_file(path: Path, *, overwrite: bool, what: str = "the backup") -> Iterator[BinaryIO]:
    """A file that only its owner can read, and that has its name only once it is whole and on the disk.

    Args:
        path: where it is to be.
        overwrite: replace what is there.
        what: what is written, for the message if that fails.

    Raises:
        InvalidInput: if there is such a file already and it is not to be overwritten, or none can be made.
    """
    if path.exists() and not overwrite:
        raise InvalidInput(f"there is a file {path} already: name another one, or say --overwrite")
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise InvalidInput(f"no file can be made in {path.parent}: {error.strerror}") from error
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise BackupFailed(f"{what} could not be written to {path}: {error.strerror or error}; nothing was left there") from error
    finally:
        part.unlink(missing_ok=True)


async def _refuse_what_cannot_be_read(connection: AsyncConnection[DictRow]) -> None:
    major = connection.info.server_version // 10_000
    if major > MAJOR:
        raise Environment(f"the server is PostgreSQL {major}, and this Genie has the programs of {MAJOR}: use that server's own pg_dump")
    found = await _row(connection, "what_stands_there")
    await connection.rollback()
    if not found["is_genies"]:
        raise Conflict(f"there is nothing to back up: the database {found['database']} has no tables of Genie; see `genie db status`")


async def _dump(connection: AsyncConnection[Any], arguments: list[str], writer: BackupWriter, progress: Progress) -> None:
    async with running(connection, "pg_dump", *arguments) as process:
        if process.stdout is None or process.stderr is None:
            raise AssertionError
        complaints = asyncio.create_task(process.stderr.read(), name="pg_dump-stderr")
        while chunk := await process.stdout.read(CHUNK):
            # Compressing takes a core; the event loop has others to serve.
            await asyncio.to_thread(writer.write, chunk)
            progress(writer.written)
        code, heard = await process.wait(), await complaints
    if code:
        raise BackupFailed(f"the database could not be read to its end: {said(heard)}; no backup was made")


async def _row(connection: AsyncConnection[DictRow], query: str) -> DictRow:
    return await (await connection.execute(QUERIES[query])).fetchone() or {}


def _pattern(name: str) -> str:
    """A name as pg_dump's patterns take it to the letter."""
    return '"' + name.replace('"', '""') + '"'
