"""The pool and the opened database: restarts go unnoticed, and wrong URLs are told without their password."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from db.connection import Database, checked_url, open_database, open_pool
from db.embedded import open_embedded
from db.embedded_process import postmaster_pid
from db.failures import foreseen
from epics.errors import InvalidInput, InvalidSettings, LeaseLost, SchemaMismatch, StoreUnavailable

pytestmark = pytest.mark.postgres


async def test_a_migrated_database_answers_under_the_name_of_genie(database: Database) -> None:
    async with database.pool.connection() as connection:
        cursor = await connection.execute("SELECT current_setting('application_name') AS name")
        row = await cursor.fetchone()

    assert row == {"name": "genie"}
    assert not database.embedded
    assert database.dsn not in repr(database)


@pytest.mark.slow
async def test_a_restart_of_the_server_goes_unnoticed_by_the_next_query(tmp_path: Path) -> None:
    async with open_embedded(tmp_path) as url, open_pool(url, min_size=2) as pool:
        pid = postmaster_pid(tmp_path / "postgres" / "data")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        async with open_embedded(tmp_path), pool.connection() as connection:
            cursor = await connection.execute("SELECT 1 AS one")
            row = await cursor.fetchone()

    assert row == {"one": 1}


@pytest.mark.slow
async def test_without_a_url_the_embedded_server_is_opened_and_migrated(tmp_path: Path) -> None:
    async with open_database(None, tmp_path) as database, database.pool.connection() as connection:
        cursor = await connection.execute("SELECT count(*) AS epics FROM epics")
        row = await cursor.fetchone()

    assert database.embedded
    assert row == {"epics": 0}


async def test_a_server_that_is_not_there_is_told_with_its_address_and_without_the_password() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        with pytest.raises(StoreUnavailable) as caught:
            async with open_pool(f"postgresql://me:s3cret@127.0.0.1:{port}/orders"):
                pass

    assert "orders at 127.0.0.1" in str(caught.value)
    assert "Connection refused" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_database_that_is_not_there_is_told(database_url: str) -> None:
    with pytest.raises(StoreUnavailable, match='database "no_such_one" does not exist'):
        async with open_pool(f"{database_url}&dbname=no_such_one" if "?" in database_url else f"{database_url}?dbname=no_such_one"):
            pass


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:s3cret@localhost/orders",
        "sqlite:///s3cret.db",
        "me:s3cret@localhost/orders",
        "host=localhost password=s3cret",
        "",
        "postgresql://me:s3cret%zz@localhost/orders",
        "postgresql://me:s3cret@localhost:5432:5433/orders",
        "postgresql://me@localhost/orders?pasword=s3cret",
        "postgresql://me:12@s3cret@localhost/orders",
        "postgresql://me:12/s3cret@localhost/orders",
        "postgresql://me:s3cret/orders",
    ],
)
def test_a_url_that_cannot_be_used_is_told_by_the_settings_name_and_without_the_password(url: str) -> None:
    with pytest.raises(InvalidSettings, match="GENIE_DATABASE_URL") as caught:
        checked_url(url)

    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me@localhost/orders",
        "postgres://me@/orders?host=/run/@postgresql",
        "postgresql://h1:1,h2:2/orders",
        "postgresql:///orders",
    ],
)
def test_a_url_of_postgresql_is_taken_as_it_is(url: str) -> None:
    assert checked_url(url) == url


async def test_a_schema_that_lacks_migrations_is_refused_where_none_may_be_applied(empty_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(SchemaMismatch, match=r"0001_backbone.*genie db migrate"):
        async with open_database(empty_database_url, tmp_path, migrate=False):
            pass


async def test_an_empty_database_is_migrated_when_it_is_opened(empty_database_url: str, tmp_path: Path) -> None:
    async with open_database(empty_database_url, tmp_path) as database, database.pool.connection() as connection:
        cursor = await connection.execute("SELECT count(*) AS checkpoints FROM checkpoints")
        row = await cursor.fetchone()

    assert row == {"checkpoints": 0}


@pytest.mark.parametrize(
    "statement,ours,words",
    [
        (b"DO $$ BEGIN RAISE 'lease lost: epoch 1 of e1' USING ERRCODE = '55000'; END $$", LeaseLost, "lease lost: epoch 1 of e1"),
        (b"DO $$ BEGIN RAISE 'could not extend file' USING ERRCODE = '53100'; END $$", StoreUnavailable, "disk .* is full"),
        (b"DO $$ BEGIN RAISE 'sorry' USING ERRCODE = '53300'; END $$", StoreUnavailable, "no more connections"),
        (b"DO $$ BEGIN RAISE 'shutting down' USING ERRCODE = '57P01'; END $$", StoreUnavailable, "did not answer: shutting down"),
        (b"DO $$ BEGIN RAISE 'for schema public' USING ERRCODE = '42501'; END $$", InvalidSettings, "lacks a right: for schema public"),
        (rb"""SELECT '"\u0000"'::jsonb ->> 0""", InvalidInput, "cannot store"),
    ],
)
async def test_an_error_of_the_database_becomes_one_of_ours(
    database: Database, statement: bytes, ours: type[Exception], words: str
) -> None:
    async with database.pool.connection() as connection:
        with pytest.raises(ours, match=words) as caught, foreseen():
            await connection.execute(statement)

    assert caught.value.__cause__ is not None


async def test_a_text_with_a_nul_is_an_input_that_cannot_be_used(database: Database) -> None:
    async with database.pool.connection() as connection:
        with pytest.raises(InvalidInput, match="NUL"), foreseen():
            await connection.execute("SELECT %s", ("a goal\x00",))


async def test_an_error_that_nobody_foresaw_passes_as_it_is(database: Database) -> None:
    async with database.pool.connection() as connection:
        with pytest.raises(Exception, match="no_such_table") as caught, foreseen():
            await connection.execute("SELECT * FROM no_such_table")

    assert type(caught.value).__module__.startswith("psycopg")


async def test_a_pool_without_a_free_connection_says_so(database_url: str) -> None:
    async with open_pool(database_url, min_size=1, max_size=1) as pool, pool.connection():
        with pytest.raises(StoreUnavailable, match="became free in time"), foreseen():
            await pool.getconn(timeout=0.05)


@pytest.mark.parametrize("turns", range(8))
async def test_who_is_cancelled_as_a_connection_comes_is_cancelled(database_url: str, turns: int) -> None:
    """`asyncio.wait_for` of Python 3.11, on which the pool waits, forgets a cancel that comes when what it waits for is there."""

    async def take() -> None:
        async with pool.connection():
            pass

    async with open_pool(database_url, max_size=1) as pool:
        async with pool.connection():
            taking = asyncio.create_task(take())
            await asyncio.sleep(0.01)
        for _ in range(turns):
            await asyncio.sleep(0)
        was_waiting = taking.cancel()
        await asyncio.wait({taking})
        after = await pool.getconn(timeout=2)
        await pool.putconn(after)

    assert taking.cancelled() or not was_waiting


async def test_a_connection_to_a_silent_network_is_given_up_long_before_the_system_would(database: Database) -> None:
    async with database.pool.connection() as connection:
        given = connection.info.get_parameters()

    assert int(given["tcp_user_timeout"]) == 15_000
    assert int(given["keepalives_idle"]) + int(given["keepalives_interval"]) * int(given["keepalives_count"]) <= 15
