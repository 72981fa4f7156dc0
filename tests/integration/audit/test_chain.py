"""The chain in the database: it has no gaps, is added to by what is committed alone, and shows whatever was done to it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from db.audit import audit_refusal, audited
from db.audit_reading import audit_rows, head_of_audit
from db.connection import open_pool
from db.hooks import in_one_transaction
from db.webhooks import Target, delete_webhook, insert_webhook
from engine.audit import Audit, AuditFilter
from engine.audit_file import verify_file
from engine.refusals import refusals_told
from epics.access_errors import AuditBroken, Forbidden
from epics.audit import Anchor, hash_of
from epics.callers import Caller, acting_as
from epics.errors import StoreUnavailable
from tests.integration.audit.adding import FIELDS, add

pytestmark = pytest.mark.postgres

STRANGE = 'Zoë,\n3:x,"\\ud800" ' + chr(0) + "\udc80 🧞"


def hook(name):
    return Target(name=name, url=f"https://{name}.example.org", secret="whsec_aaaa", allow_private=False)


async def test_the_database_and_python_hash_the_same(database):
    caller = Caller(person=STRANGE, channel="http", via="key k-1", address="2001:db8::1")
    with acting_as(caller):
        await add(database, 1, epic="e-1", repo=STRANGE, content_hash="ab" * 32, data={"b": STRANGE, "a": [1.5, None, True]})
        await audit_refusal(database.pool, "decide", kind="approval", subject="a-1", answer="forbidden")

    rows = [row async for row in audit_rows(database.pool, until=10)]

    assert [row.hash for row in rows] == [hash_of(row) for row in rows]
    assert [(row.n, row.refused, row.answer) for row in rows] == [(1, False, "done"), (2, True, "forbidden")]
    assert rows[0].data.startswith('{"a":[1.5,null,true],"b":"Zoë')
    # What a json column holds need not be readable by an operator.
    async with database.pool.connection() as connection:
        row = await (await connection.execute("SELECT data ->> 'b' AS b FROM audit WHERE n = 1")).fetchone()
    assert row is not None
    assert row["b"].endswith("🧞")
    assert "🧞" in rows[0].person


async def test_deeds_at_once_make_one_chain_without_gaps_and_what_is_undone_leaves_no_row(database):
    async def undone():
        async with database.pool.connection() as connection, connection.transaction(force_rollback=True):
            await audited(connection, "start", kind="epic", subject="never")

    async def add_one(number):
        with acting_as(Caller(person=f"person {number}", channel="http")):
            added = await insert_webhook(database.pool, hook(f"hook-{number % 12}"), [])
            await undone()
            return added

    done = await asyncio.gather(*(add_one(number) for number in range(16)))

    rows = [row async for row in audit_rows(database.pool, until=100)]
    assert sum(done) == 12
    assert [row.n for row in rows] == list(range(1, 13))
    assert {row.subject for row in rows} == {f"hook-{number}" for number in range(12)}
    check = await Audit(database.pool).verify()
    assert (check.rows, check.anchor) == (12, str(await head_of_audit(database.pool)))


async def test_a_connection_that_dies_before_its_commit_leaves_neither_deed_nor_row(database):
    async def killed():
        async with in_one_transaction(database) as (connection, inside):
            assert await insert_webhook(inside.pool, hook("here"), [])
            async with database.pool.connection() as other:
                await other.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
            await connection.execute("SELECT 1")

    with pytest.raises(StoreUnavailable):
        await killed()

    assert await insert_webhook(database.pool, hook("here"), [])
    assert (await Audit(database.pool).verify()).rows == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET person = 'mallory' WHERE n = 1",
        "DELETE FROM audit WHERE n = 3",
        "TRUNCATE audit",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
        "UPDATE audit_head SET n = 2",
        "UPDATE audit_head SET n = n + 1",
        "INSERT INTO audit_head (one, n, hash) VALUES (false, 1, '')",
        f"INSERT INTO audit SELECT 4, {FIELDS}, hash, hash FROM audit WHERE n = 3",
    ],
)
async def test_rows_are_only_ever_added(database, statement):
    await add(database, 3)

    async with database.pool.connection() as connection:
        with pytest.raises(psycopg.errors.RestrictViolation):
            await connection.execute(statement)

    assert (await Audit(database.pool).verify()).rows == 3


async def test_a_chain_is_checked_while_it_grows(database):
    await add(database, 3)
    grown = 0

    def grow(_rows):
        nonlocal grown
        grown += 1

    audit = Audit(database.pool)
    checks = await asyncio.gather(add(database, 40), *(audit.verify(progress=grow) for _ in range(5)))

    assert all(check is not None and check.rows >= 3 for check in checks[1:])
    assert grown >= 15


async def test_a_file_holds_what_is_in_the_database_and_is_checked_without_it(database, tmp_path):
    await add(database, 5)
    file = tmp_path / "audit.jsonl"
    with file.open("wb") as target:
        whole = await Audit(database.pool).export(target)
    async with database.pool.connection() as connection:
        row = await (await connection.execute("SELECT at FROM audit WHERE n = 3")).fetchone()
    with (tmp_path / "part.jsonl").open("wb") as target:
        part = await Audit(database.pool).export(target, since=row["at"])
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "cut.jsonl").write_text("".join(lines[:3]), encoding="utf-8")
    (tmp_path / "changed.jsonl").write_text("".join(lines).replace('"subject":"e-2"', '"subject":"e-9"'), encoding="utf-8")

    assert verify_file(file) == whole
    assert verify_file(tmp_path / "part.jsonl") == part
    assert (whole.rows, part.rows, part.first) == (5, 3, 3)
    assert verify_file(tmp_path / "cut.jsonl").rows == 3
    with pytest.raises(AuditBroken, match="row 4 of the audit is missing: the anchor is of row 5"):
        verify_file(tmp_path / "cut.jsonl", Anchor.parsed(str(whole.anchor)))
    with pytest.raises(AuditBroken, match="row 3 of the audit was changed"):
        verify_file(tmp_path / "changed.jsonl")


async def test_rows_are_found_by_who_what_and_when(database):
    for person, subject in (("ann", "e-1"), ("bob", "e-2"), ("ann", "e-3")):
        with acting_as(Caller(person=person, channel="cli")):
            await add(database, 1, subject=subject, epic=subject)
            await audit_refusal(database.pool, "cancel", kind="epic", subject=subject, answer="forbidden")
    audit = Audit(database.pool)

    async def found(**asked):
        return [row.n for row in (await audit.page(AuditFilter(**asked))).items]

    first = await audit.page(AuditFilter(), limit=4)
    rest = await audit.page(AuditFilter(), limit=4, cursor=first.next)

    assert [row.n for row in (*first.items, *rest.items)] == [6, 5, 4, 3, 2, 1]
    assert rest.next is None
    assert await found(person="ann", deed="start") == [5, 1]
    assert await found(epic="e-2") == [3]
    assert await found(epic="e-") == [5, 3, 1]
    assert await found(refused=True, person="bob") == [4]
    assert await found(kind="key") == []
    assert await found(since=datetime.now(UTC) + timedelta(hours=1)) == []
    assert await found(until=datetime.now(UTC) + timedelta(hours=1), deed="cancel") == [6, 4, 2]


async def test_a_webhook_that_was_not_there_leaves_no_row(database, written):
    assert not await delete_webhook(database.pool, "nobody")

    assert await written() == []


@pytest.mark.parametrize(
    "named, told",
    [
        ("https://ann:hush@example.org/app.git?token=hush#hush", "https://example.org/app.git"),
        ("https://hush@example.org/app.git", "https://example.org/app.git"),
        ("git:hush@example.org:app.git", "git@example.org:app.git"),
        ("git@example.org:app.git", "git@example.org:app.git"),
        ("/srv/app", "/srv/app"),
    ],
)
async def test_a_login_in_what_was_named_is_in_no_row(database, written, named, told):
    await audit_refusal(database.pool, "start", kind="epic", subject=named, repo=named, answer="forbidden")

    (row,) = await written()
    assert (row["subject"], row["repo"]) == (told, told)


async def test_times_are_in_utc_wherever_the_server_of_the_database_stands(database):
    await add(database, 1)
    async with open_pool(make_conninfo(database.dsn, options="-c timezone=Asia/Kathmandu")) as pool:
        rows = [row async for row in audit_rows(pool, until=1)]

    assert [row.model_dump(mode="json")["at"][-1] for row in rows] == ["Z"]


@pytest.mark.parametrize("repo", ["https://me:{}@example.org/shop.git", "me:{}@example.org:shop.git"])
async def test_a_refusal_tells_nothing_of_a_login_however_long_it_is(database, ann, repo):
    token = "s3cr3t" * 100
    with acting_as(ann), pytest.raises(Forbidden):
        async with refusals_told(database.pool, "start", kind="epic", subject=repo.format(token), repo=repo.format(token)):
            raise Forbidden("no")

    [row] = [row async for row in audit_rows(database.pool, until=1)]

    assert "s3cr3t" not in row.subject + row.repo
    assert "example.org" in row.subject
