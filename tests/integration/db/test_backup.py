"""Backing up and restoring: whole or not at all, and no lease outlives it."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path

import pytest

from tests.integration.durability.writing import COMMIT, HERE, LONG_S, contents, rows

pytestmark = pytest.mark.postgres

UNSAVED = {"procrastinate_", "workers", "yoyo_"}


class Killed(Exception):
    """What ends a restore where its process would have been killed."""


def quiet(_done: int) -> None:
    pass


async def with_epic(database, **values):
    from db.epics import insert_epic

    given = {"goal": "Greet", "repo": "/repo", "base": "main", "base_commit": COMMIT, "budget_usd": None, "executor": "scripted"}
    more = {"model": None, "autonomy": "auto", "auto_approve": False, "graph_version": 1, "id": "e-0000000001", **values}
    assert await insert_epic(database.pool, {**given, **more})
    return more["id"]


async def backed_up(dsn, path):
    from db.backup import back_up, new_file

    with new_file(path, overwrite=False) as target:
        return await back_up(dsn, target, quiet)


async def restored(dsn, path, **given):
    from db.restoring import restore

    return await restore(dsn, path, **{"replace": False, "force": False, "progress": quiet, **given})


async def held(pool):
    return {name: lines for name, lines in (await contents(pool)).items() if not any(name.startswith(part) for part in UNSAVED)}


@pytest.fixture
async def opened(tmp_path):
    from contextlib import AsyncExitStack

    from db.connection import open_database

    async with AsyncExitStack() as stack:
        yield lambda url: stack.enter_async_context(open_database(url, tmp_path / "unused", migrate=False))


async def test_a_restored_database_holds_what_was_backed_up(database, empty_database_url, opened, tmp_path):
    from db.audit_reading import head_of_audit
    from engine.audit import Audit

    epic = await with_epic(database, goal="Grüße 'quoted' \\ \n\t 👋")
    path = tmp_path / "backup"

    manifest = await backed_up(database.dsn, path)
    before = await held(database.pool)
    done = await restored(empty_database_url, path)

    assert (done.manifest, done.set_aside, done.migrated) == (manifest, None, ())
    assert manifest.epics == {"queued": 1}
    assert path.stat().st_mode & 0o777 == 0o600
    other = await opened(empty_database_url)
    # Nobody holds a lease after a restore, and epochs that were given before never come again.
    after = await held(other.pool)
    assert {**after, "leases": [], "audit": [], "audit_head": []} == {**before, "leases": [], "audit": [], "audit_head": []}
    # The chain goes on with the restore.
    assert after["audit"][:-1] == before["audit"]
    check = await Audit(other.pool).verify(await head_of_audit(database.pool))
    assert (check.rows, (await rows(other.pool, "SELECT deed FROM audit ORDER BY n"))[-1]["deed"]) == (2, "restore")
    # The numbers go on where they were.
    assert (await rows(other.pool, "SELECT id FROM epics"))[0]["id"] == epic
    assert await with_epic(other, id="e-0000000002", repo="/another")


async def test_who_held_a_lease_when_the_backup_was_made_writes_nothing_after_it(database, empty_database_url, opened, tmp_path):
    from db.epics import record_event
    from db.leases import take_lease
    from epics.errors import LeaseLost

    epic = await with_epic(database)
    old = await take_lease(database.pool, epic, HERE, seconds=LONG_S)
    await backed_up(database.dsn, tmp_path / "backup")

    await restored(empty_database_url, tmp_path / "backup")

    other = await opened(empty_database_url)
    with pytest.raises(LeaseLost):
        await record_event(other.pool, old, "too_late", {})
    new = await take_lease(other.pool, epic, HERE, seconds=LONG_S)
    assert new.epoch > old.epoch + 100
    await record_event(other.pool, new, "in_time", {})
    await record_event(database.pool, old, "in_time", {})


async def test_an_epoch_given_after_the_backup_never_comes_round_again(database, tmp_path):
    from db.leases import release_lease, take_lease

    epic = await with_epic(database)
    await backed_up(database.dsn, tmp_path / "backup")
    lost = [await take_lease(database.pool, epic, HERE, seconds=LONG_S)]
    await release_lease(database.pool, lost[0])
    lost.append(await take_lease(database.pool, epic, HERE, seconds=LONG_S))

    await restored(database.dsn, tmp_path / "backup", replace=True, force=True)

    taken = [await take_lease(database.pool, epic, HERE, seconds=LONG_S)]
    await release_lease(database.pool, taken[0])
    taken.append(await take_lease(database.pool, epic, HERE, seconds=LONG_S))
    assert not {lease.epoch for lease in lost} & {lease.epoch for lease in taken}


async def test_a_database_with_epics_is_set_aside_only_if_that_is_said(database, empty_database_url, tmp_path):
    from epics.errors import Conflict

    await with_epic(database)
    await backed_up(database.dsn, tmp_path / "backup")
    await restored(empty_database_url, tmp_path / "backup")
    await with_epic(database, id="e-0000000009")
    await database.pool.close()

    with pytest.raises(Conflict, match="has epics already"):
        await restored(database.dsn, tmp_path / "backup")
    done = await restored(database.dsn, tmp_path / "backup", replace=True)

    assert done.set_aside is not None
    import psycopg

    async with await psycopg.AsyncConnection.connect(database.dsn) as connection:
        now = await (await connection.execute("SELECT id FROM epics ORDER BY id")).fetchall()
        aside = await (await connection.execute(f"SELECT id FROM {done.set_aside}.epics ORDER BY id".encode())).fetchall()
    assert now == [("e-0000000001",)]
    assert aside == [("e-0000000001",), ("e-0000000009",)]
    # What was set aside is in no later backup.
    again = await backed_up(database.dsn, tmp_path / "again")
    with zipfile.ZipFile(tmp_path / "again") as archive:
        assert done.set_aside.encode() not in archive.read("database.sql")
    assert again.epics == {"queued": 1}


async def test_a_database_that_was_only_migrated_counts_as_empty(database, tmp_path):
    await backed_up(database.dsn, tmp_path / "backup")
    await database.pool.close()

    done = await restored(database.dsn, tmp_path / "backup")

    assert done.set_aside is None


async def test_what_the_audit_tells_is_set_aside_though_there_are_no_epics(database, opened, tmp_path):
    from db.audit import audited_alone

    await backed_up(database.dsn, tmp_path / "backup")
    await audited_alone(database.pool, "create", kind="key", subject="k-1")

    done = await restored(database.dsn, tmp_path / "backup", force=True)

    assert done.set_aside is not None
    kept = await rows((await opened(database.dsn)).pool, f'SELECT subject FROM "{done.set_aside}".audit')
    assert [row["subject"] for row in kept] == ["k-1"]


async def test_tables_that_are_not_genies_are_left_alone(database, empty_database_url, tmp_path):
    import psycopg

    from epics.errors import Conflict

    await backed_up(database.dsn, tmp_path / "backup")
    async with await psycopg.AsyncConnection.connect(empty_database_url) as connection:
        await connection.execute("CREATE TABLE customers (id integer)")

    with pytest.raises(Conflict, match="not Genie's"):
        await restored(empty_database_url, tmp_path / "backup", replace=True, force=True)
    with pytest.raises(Conflict, match="nothing to back up"):
        await backed_up(empty_database_url, tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("harm", ["cut", "changed", "empty", "text"])
async def test_a_file_that_is_not_whole_is_refused_before_anything_is_touched(database, empty_database_url, tmp_path, harm):
    from epics.errors import InvalidInput

    await with_epic(database)
    path = tmp_path / "backup"
    await backed_up(database.dsn, path)
    whole = path.read_bytes()
    harmed = {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"CREATE TABLE x ();"}
    path.write_bytes(harmed.get(harm, whole[:2_000] + bytes([whole[2_000] ^ 1]) + whole[2_001:]))

    with pytest.raises(InvalidInput, match="no whole backup"):
        await restored(empty_database_url, path)

    assert await things_in(empty_database_url) == 0


async def things_in(url):
    import psycopg

    async with await psycopg.AsyncConnection.connect(url) as connection:
        row = await (await connection.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")).fetchone()
    return row[0] if row else -1


async def test_a_restore_that_fails_in_the_middle_leaves_what_was_there(database, tmp_path):
    from db.backup import new_file
    from db.backup_file import BackupWriter, pieces
    from epics.errors import BackupFailed

    await with_epic(database)
    manifest = await backed_up(database.dsn, tmp_path / "backup")
    with new_file(tmp_path / "broken", overwrite=False) as target:
        writer = BackupWriter(target)
        for piece in pieces(tmp_path / "backup"):
            writer.write(piece)
        writer.write(b"SELECT 1 / 0;\n")
        writer.close(manifest.model_copy(update={"sql_bytes": writer.written, "sql_sha256": writer.sha256}))
    before = await contents(database.pool)

    with pytest.raises(BackupFailed, match="division by zero"):
        await restored(database.dsn, tmp_path / "broken", replace=True, force=True)

    assert await contents(database.pool) == before


async def test_a_restore_that_is_killed_in_the_middle_leaves_what_was_there(database, empty_database_url, tmp_path):
    from db.restoring import restore

    await with_epic(database)
    manifest = await backed_up(database.dsn, tmp_path / "backup")
    seen: list[int] = []

    def die(done: int) -> None:
        seen.append(done)
        if len(seen) > 1 and done == manifest.sql_bytes:
            raise Killed

    # All of the SQL has been sent, and the end of the transaction has not.
    with pytest.raises(Killed):
        await asyncio.create_task(restore(empty_database_url, tmp_path / "backup", replace=False, force=False, progress=die))

    async with asyncio.timeout(10):
        while await things_in(empty_database_url):
            await asyncio.sleep(0.05)


async def test_a_backup_of_a_newer_genie_is_refused(database, empty_database_url, tmp_path):
    from db.backup_file import MANIFEST, SQL, Manifest
    from epics.errors import SchemaMismatch

    manifest = await backed_up(database.dsn, tmp_path / "backup")
    newer: Manifest = manifest.model_copy(update={"migrations": (*manifest.migrations, "9999_later"), "genie": "9.9.9"})
    with zipfile.ZipFile(tmp_path / "backup") as old, zipfile.ZipFile(tmp_path / "newer", "w") as new:
        new.writestr(SQL, old.read(SQL))
        new.writestr(MANIFEST, newer.model_dump_json())

    with pytest.raises(SchemaMismatch, match="9999_later"):
        await restored(empty_database_url, tmp_path / "newer")


async def test_an_older_backup_is_migrated_once_it_is_restored(empty_database_url, database_url, tmp_path):
    import shutil

    import psycopg

    from db.migrations import DIRECTORY, migrate

    few = tmp_path / "migrations"
    few.mkdir()
    for name in ("0001_backbone.sql", "0002_fence_and_projection.sql"):
        shutil.copy(DIRECTORY / name, few / name)
    await migrate(empty_database_url, few)
    await backed_up(empty_database_url, tmp_path / "backup")

    done = await restored(database_url, tmp_path / "backup")

    assert "0008_retention" in done.migrated
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        assert await (await connection.execute("SELECT count(*) FROM prunings")).fetchone() == (0,)


async def test_a_database_in_use_is_left_alone_unless_that_is_forced(database, tmp_path):
    from epics.errors import Conflict

    await backed_up(database.dsn, tmp_path / "backup")

    with pytest.raises(Conflict, match="is in use"):
        await restored(database.dsn, tmp_path / "backup")
    await restored(database.dsn, tmp_path / "backup", force=True)


async def test_no_password_is_on_a_command_line(database):
    from psycopg import AsyncConnection
    from psycopg.conninfo import conninfo_to_dict

    from db.client_programs import running

    password = str(conninfo_to_dict(database.dsn)["password"])
    async with (
        await AsyncConnection.connect(database.dsn) as connection,
        running(connection, "psql", "--no-psqlrc", "--file=-", feed=True) as process,
    ):
        # Empty until the program has begun.
        while not (line := Path(f"/proc/{process.pid}/cmdline").read_bytes()):
            await asyncio.sleep(0.01)

    assert b"--dbname=" in line
    assert password.encode() not in line


async def test_a_backup_that_fails_leaves_no_file(tmp_path):
    from db.backup import back_up, new_file
    from epics.errors import StoreUnavailable

    with pytest.raises(StoreUnavailable), new_file(tmp_path / "backup", overwrite=False) as target:
        await back_up("postgresql://nobody@127.0.0.1:1/none", target, quiet)

    assert list(tmp_path.glob("*backup*")) == []


def test_a_manifest_that_would_fill_the_memory_is_refused(tmp_path):
    from db.backup_file import MANIFEST, verified
    from epics.errors import InvalidInput

    with zipfile.ZipFile(tmp_path / "backup", "w", zipfile.ZIP_DEFLATED) as archive, archive.open(MANIFEST, "w") as manifest:
        manifest.write(b'{"format": 2' + b" " * 2_000_000)
        manifest.write(
            b', "genie": "1", "taken_at": "2026-01-01T00:00:00Z", "postgres": "16", "migrations": [], "epics": {}, "moments": 0, '
        )
        manifest.write(b'"sql_bytes": 0, "sql_sha256": ""}')

    with pytest.raises(InvalidInput, match="no whole backup"):
        verified(tmp_path / "backup", quiet)
