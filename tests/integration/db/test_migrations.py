"""Migrations: applied once, one process at a time, whole or not at all; a newer database is refused."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from db.connection import Database, open_database
from db.migrations import known_migrations, migrate, schema_status
from db.queries import load_queries
from epics.errors import SchemaMismatch

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[3]
DOLLARS = """\
-- A leading comment; with a semicolon.
CREATE TABLE lamps (id int, note text DEFAULT 'on; off');  -- trailing; comment

CREATE FUNCTION assert_lamp(lamp int) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
    n int;
BEGIN
    -- it's a quote; and a semicolon
    IF lamp = 1 THEN
        RAISE EXCEPTION 'lease lost; 100 % of %', lamp, $$;$$ USING ERRCODE = '55000';
    END IF;
    FOR n IN 1..3 LOOP
        PERFORM 1;
    END LOOP;
    CASE WHEN lamp = 2 THEN PERFORM 2; ELSE PERFORM 3; END CASE;
END
$body$;

CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT n * 2; END;
DO $$ BEGIN PERFORM 1; END $$;
CREATE VIEW lit AS SELECT CASE WHEN id = 1 THEN 'a;b' ELSE 'b' END AS state FROM lamps;
/* block; comment */
INSERT INTO lamps VALUES (7, '100%; %s %(name)s :id');
"""
MIGRATE = """
import asyncio, sys
from db.migrations import migrate
print(*asyncio.run(migrate(sys.argv[1])), sep=",")
"""


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    directory = tmp_path / "migrations"
    directory.mkdir()
    (directory / "0001_lamps.sql").write_text(DOLLARS)
    return directory


def rows(url: str, query: bytes) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()


async def test_functions_with_dollar_quotes_and_semicolons_are_applied_whole(empty_database_url: str, migrations: Path) -> None:
    applied = await migrate(empty_database_url, migrations)

    assert applied[0] == "0001_lamps"
    assert rows(empty_database_url, b"SELECT id, note, twice(id) FROM lamps") == [(7, "100%; %s %(name)s :id", 14)]
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="lease lost; 100 1 of ;"):
        rows(empty_database_url, b"SELECT assert_lamp(1)")


async def test_a_second_run_finds_nothing_to_do(empty_database_url: str, migrations: Path) -> None:
    first = await migrate(empty_database_url, migrations)

    second = await migrate(empty_database_url, migrations)

    assert [name.split("-")[0] for name in first] == ["0001_lamps", "langgraph", "procrastinate"]
    assert second == ()
    assert rows(empty_database_url, b"SELECT count(*) FROM lamps") == [(1,)]


async def test_an_added_migration_is_the_only_one_applied(empty_database_url: str, migrations: Path) -> None:
    await migrate(empty_database_url, migrations)
    (migrations / "0002_shades.sql").write_text("CREATE TABLE shades (id int);")
    before = await schema_status(empty_database_url, migrations)

    applied = await migrate(empty_database_url, migrations)

    assert (before.current, before.latest, before.pending) == ("0001_lamps", "0002_shades", ("0002_shades",))
    assert applied == ("0002_shades",)
    assert (await schema_status(empty_database_url, migrations)).pending == ()


async def test_a_migration_that_fails_leaves_nothing_and_can_be_corrected(empty_database_url: str, migrations: Path) -> None:
    broken = migrations / "0002_shades.sql"
    broken.write_text("CREATE TABLE shades (id int);\nINSERT INTO no_such_table VALUES (1);")

    with pytest.raises(psycopg.errors.UndefinedTable):
        await migrate(empty_database_url, migrations)

    assert (await schema_status(empty_database_url, migrations)).current == "0001_lamps"
    broken.write_text("CREATE TABLE shades (id int);")
    assert (await migrate(empty_database_url, migrations))[0] == "0002_shades"


async def test_a_migration_and_its_mark_are_one_transaction(empty_database_url: str, migrations: Path) -> None:
    await migrate(empty_database_url, migrations)
    (migrations / "0002_shades.sql").write_text("CREATE TABLE shades (id int);")

    # A trigger on the mark stands for a kill between the migration and its mark.
    refuse = b"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON _yoyo_migration FOR EACH ROW EXECUTE FUNCTION refuse();
    """
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(refuse)
    with pytest.raises(psycopg.errors.RaiseException, match="killed"):
        await migrate(empty_database_url, migrations)

    assert rows(empty_database_url, b"SELECT to_regclass('shades')") == [(None,)]


async def test_two_migrators_at_once_do_the_work_once(empty_database_url: str) -> None:
    command = [sys.executable, "-c", MIGRATE, empty_database_url]
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    migrators = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]

    said = sorted([migrator.communicate(timeout=120)[0].strip() for migrator in migrators])

    assert [migrator.returncode for migrator in migrators] == [0, 0, 0]
    assert said[:2] == ["", ""]
    assert said[2].startswith("0001_backbone,")


async def test_the_numbered_migrations_print_nothing(empty_database_url: str, capfd: pytest.CaptureFixture[str]) -> None:
    await migrate(empty_database_url)

    assert capfd.readouterr() == ("", "")


async def test_a_lock_that_a_killed_migrator_left_is_no_obstacle(empty_database_url: str, migrations: Path) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE yoyo_lock (locked int DEFAULT 1 PRIMARY KEY, ctime timestamp, pid int NOT NULL)")
        connection.execute("INSERT INTO yoyo_lock VALUES (1, now(), 1)")

    async with asyncio.timeout(5):
        applied = await migrate(empty_database_url, migrations)

    assert applied[0] == "0001_lamps"


async def test_a_newer_database_is_refused_in_words(database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO _yoyo_migration VALUES ('hash', '9999_flying', now())")

    with pytest.raises(SchemaMismatch, match=r"written by a newer Genie: it has 9999_flying, and this one ends at 0"):
        async with open_database(database_url, tmp_path):
            pass
    with pytest.raises(SchemaMismatch, match="9999_flying"):
        await migrate(database_url)


async def test_newer_tables_of_langgraph_are_refused_in_words(empty_database_url: str, migrations: Path) -> None:
    await migrate(empty_database_url, migrations)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO checkpoint_migrations VALUES (9999)")
        connection.execute("UPDATE library_schemas SET version = '99.0'")

    with pytest.raises(SchemaMismatch, match="LangGraph's migration 9999"):
        await migrate(empty_database_url, migrations)


async def test_a_name_with_odd_characters_can_be_migrated(postgres_server: str, migrations: Path) -> None:
    password = "p@ss/w%rd:;?&='"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE ROLE \"o'dd us%er\" LOGIN PASSWORD 'p@ss/w%rd:;?&='''")
        connection.execute('CREATE DATABASE "o\'dd %25 d/b" OWNER "o\'dd us%er"')
    try:
        parts = urlsplit(postgres_server)
        user, host = quote("o'dd us%er", safe=""), parts.netloc.rpartition("@")[2]
        netloc = f"{user}:{quote(password, safe='')}@{host}"
        url = parts._replace(netloc=netloc, path="/" + quote("o'dd %25 d/b", safe="")).geturl()

        applied = await migrate(url, migrations)

        assert applied[0] == "0001_lamps"
    finally:
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute('DROP DATABASE "o\'dd %25 d/b" WITH (FORCE)')
            connection.execute('DROP ROLE "o\'dd us%er"')


async def test_the_check_of_a_migrated_database_imports_no_migration_library(database_url: str) -> None:
    script = """
import asyncio, sys
from db.connection import open_database
from pathlib import Path
async def main():
    async with open_database(sys.argv[1], Path("unused")):
        print(*[name for name in ("yoyo", "sqlparse", "sqlalchemy", "langgraph", "langchain_core") if name in sys.modules])
asyncio.run(main())
"""
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}

    ended = subprocess.run([sys.executable, "-c", script, database_url], env=environment, capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == ""


async def test_a_migrated_database_is_up_to_date(database: Database) -> None:
    status = await schema_status(database.pool)

    assert (status.pending, status.newer) == ((), ())
    assert status.current == status.latest == known_migrations()[-1]


def test_a_query_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.sql").write_text("-- name: get\n-- Why.\nSELECT 1;\n")
    (tmp_path / "two.sql").write_text("-- name: get\nSELECT 2;\n")

    with pytest.raises(ValueError, match=r"two\.sql: the query get is there twice"):
        load_queries(tmp_path)
