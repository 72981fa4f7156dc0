"""Restoring a backup: whole or not at all, in one transaction, and with every old lease ended."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from psycopg import AsyncConnection, sql
from psycopg.rows import DictRow, dict_row

from db.audit import audit_row
from db.backup_file import Manifest, Progress, pieces, verified
from db.client_programs import running, said
from db.failures import foreseen
from db.migrations import LOCK_KEY, known_migrations, migrate
from db.queries import QUERIES
from db.storable import json_text
from epics.errors import BackupFailed, Conflict, SchemaMismatch, StoreUnavailable

#: PostgreSQL 17 has this setting, and pg_dump names it at the head of every dump.
_NEWER_SETTING: Final = b"SET transaction_timeout = 0;\n"
_HAS_IT: Final = 170_000


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What was restored, and what became of what was there."""

    manifest: Manifest
    #: The schema that holds what was there before; None if there was nothing.
    set_aside: str | None
    #: What brought an older backup up to date.
    migrated: tuple[str, ...]


async def restore(dsn: str, path: Path, *, replace: bool, force: bool, progress: Progress) -> Restored:
    """Bring a database to what a backup holds, and end every lease in it (durability rule 2).

    What is there is set aside in a schema of its own, never deleted; a failure or a kill at any instant leaves everything as it was.

    Args:
        dsn: the database, which is empty or Genie's.
        path: the backup.
        replace: allow that there are epics already, and set them aside.
        force: allow that somebody is at work in the database.
        progress: told of the bytes of SQL that are read, twice: checked, then restored.

    Raises:
        InvalidInput: if the file is no whole backup; nothing was touched.
        SchemaMismatch: if a newer Genie made it.
        Conflict: if the database has something in it, or somebody at it, that was not allowed for.
        BackupFailed: if the database refuses it; nothing was changed.
        StoreUnavailable: if the database does not answer, or another process migrates it.
    """
    manifest = await asyncio.to_thread(verified, path, progress)
    if newer := sorted(set(manifest.migrations).difference(known_migrations())):
        raise SchemaMismatch(f"{path} was made by a newer Genie ({manifest.genie}): it has {', '.join(newer)}; install that Genie")
    with foreseen():
        connection = await AsyncConnection[DictRow].connect(
            dsn, autocommit=True, row_factory=dict_row, application_name="genie restore", connect_timeout=10
        )
        async with connection:
            row = await (await connection.execute(QUERIES["try_migration_lock"], {"key": LOCK_KEY})).fetchone()
            if row is None or not row["locked"]:
                raise StoreUnavailable("another process migrates or restores this database: try again when it has ended")
            before, aside = await _way_to_room(connection, replace=replace, force=force)
            await _load(connection, path, before, _told(connection, manifest), progress)
    return Restored(manifest=manifest, set_aside=aside, migrated=await migrate(dsn))


async def _way_to_room(connection: AsyncConnection[DictRow], *, replace: bool, force: bool) -> tuple[bytes, str | None]:
    """The statements that make room, and the name of the schema that keeps what was there."""
    found = await _row(connection, "what_stands_there")
    if not found["tables"]:
        return b"", None
    if not found["is_genies"]:
        raise Conflict(f"the database {found['database']} has {found['tables']} tables that are not Genie's: restore into an empty one")
    is_new = (await _row(connection, "is_without_work"))["is_new"]
    if not (is_new or replace):
        raise Conflict(
            f"the database {found['database']} has epics already: restore into an empty one, or say --replace, which sets them aside"
        )
    at_work = await _row(connection, "who_is_at_work")
    if not force and (at_work["leases"] or at_work["sessions"]):
        raise Conflict(
            f"the database is in use ({at_work['leases']} epics at work; connections: {', '.join(at_work['sessions']) or 'none'}): "
            "stop the workers and servers, or say --force"
        )
    schema = sql.Identifier(found["schema"])
    # Who did what is deleted with nothing, also where it was done before the first epic.
    is_told = found["has_audit"] and (await _row(connection, "audit_head"))["n"] > 0
    aside = None if is_new and not is_told else f"before_restore_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    away = (
        sql.SQL("DROP SCHEMA {} CASCADE").format(schema)
        if aside is None
        else sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(schema, sql.Identifier(aside))
    )
    # A lock that somebody keeps must end this attempt, not hold it up for ever.
    room = sql.SQL("SET lock_timeout = '30s'; {}; CREATE SCHEMA {};\n").format(away, schema)
    return room.as_bytes(connection), aside


def _told(connection: AsyncConnection[DictRow], manifest: Manifest) -> bytes:
    """What adds the restore to the restored audit, where the backup has one."""
    told = {"taken_at": manifest.taken_at.isoformat(), "sha256": manifest.sql_sha256}
    row = sql.Literal(json_text(audit_row("restore", kind="database", subject="backup", data=told)))
    asks = b"SELECT to_regprocedure('append_audit(jsonb)') IS NOT NULL AS has_audit \\gset\n"
    return asks + b"\\if :has_audit\n" + sql.SQL("SELECT append_audit({}::jsonb);").format(row).as_bytes(connection) + b"\n\\endif\n"


async def _load(connection: AsyncConnection[DictRow], path: Path, before: bytes, after: bytes, progress: Progress) -> None:
    # Not psql's --single-transaction: were we killed, psql would take the end of its input for the end of the work, and commit a part.
    arguments = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-")
    is_old = connection.info.server_version < _HAS_IT
    async with running(connection, "psql", *arguments, feed=True) as process:
        if process.stdin is None or process.stderr is None:
            raise AssertionError
        complaints = asyncio.create_task(process.stderr.read(), name="psql-stderr")
        # Where psql ends early, its own words say why.
        with suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(b"BEGIN;\n" + before)
            done, parts = 0, pieces(path)
            while chunk := await asyncio.to_thread(next, parts, b""):
                process.stdin.write(chunk.replace(_NEWER_SETTING, b"", 1) if is_old and not done else chunk)
                await process.stdin.drain()
                done += len(chunk)
                progress(done)
            process.stdin.write(
                b"\nSET search_path = public;\n"
                + b";\n".join((QUERIES["clear_restored_leases"], QUERIES["doubt_restored_slack"], b"ANALYZE"))
                + b";\n"
                + after
                + b"COMMIT;\n"
            )
            await process.stdin.drain()
            process.stdin.close()
        code, heard = await process.wait(), await complaints
    if code:
        raise BackupFailed(f"the database refused the backup, and is as it was: {said(heard)}")


async def _row(connection: AsyncConnection[DictRow], query: str) -> DictRow:
    return await (await connection.execute(QUERIES[query])).fetchone() or {}
