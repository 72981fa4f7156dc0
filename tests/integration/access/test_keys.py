"""Keys: what opens, for how long, and for whom."""

from __future__ import annotations

import asyncio
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from db.connection import Database
from engine.access.access import Access
from engine.access.trusted import Trusted
from epics.access_errors import Forbidden, KeyNotFound, PersonNotFound, Unauthenticated
from epics.callers import Caller, acting_as
from epics.errors import Conflict, InvalidInput
from epics.roles import Deed, Grant, Role

pytestmark = pytest.mark.postgres

ADMIN = Grant(role=Role.ADMIN)
VIEWER = Grant(role=Role.VIEWER)


def approver(repo: str) -> Grant:
    return Grant(role=Role.APPROVER, repo=repo)


@pytest.fixture
def access(database: Database) -> Access:
    return Access(database.pool, Trusted())


async def row_of(database: Database, key_id: str) -> dict[str, object]:
    async with database.pool.connection() as connection:
        found = await (await connection.execute(b"SELECT * FROM keys WHERE id = %s", [key_id])).fetchone()
    assert found is not None
    return found


async def change(database: Database, statement: bytes) -> None:
    async with database.pool.connection() as connection:
        await connection.execute(statement)


async def test_a_key_says_who_asks_and_is_kept_as_a_hash_only(access: Access, database: Database):
    await access.add_person("root", [ADMIN])
    await access.add_person("anna", [approver("**")], groups=["leads"])

    made = await access.create_key("laptop", [approver("https://git.example.org/shop/*")], person="anna")
    caller = await access.authenticate(made.key, address="192.0.2.7")

    assert caller == Caller(
        person="anna",
        channel="http",
        via=made.id,
        address="192.0.2.7",
        grants=(approver("https://git.example.org/shop/*"),),
        groups=("leads",),
    )
    row = await row_of(database, made.id)
    secret = made.key.rpartition("_")[2]
    assert secret not in repr(row)
    assert secret not in repr(made)
    assert secret.encode() not in bytes(row["hash"])  # type: ignore[arg-type]


async def test_every_refusal_reads_the_same(access: Access, database: Database):
    await access.add_person("root", [ADMIN])
    names = ("expired", "revoked", "rotated", "removed")
    await access.add_person("zoe", [ADMIN])
    keys = {name: await access.create_key(name, [ADMIN], person="zoe" if name == "removed" else "root") for name in names}
    await change(database, b"UPDATE keys SET expires_at = now() - interval '1 second' WHERE name = 'expired'")
    await access.revoke_key(keys["revoked"].id)
    await access.rotate_key(keys["rotated"].id, grace=timedelta())
    await access.remove_person("zoe")
    good = keys["expired"].key
    shown = [*(key.key for key in keys.values()), good[:-1] + ("a" if good[-1] != "a" else "b"), "gk_aaaaaaaa_" + "a" * 43, "", "x.y", "é"]

    said = set()
    for bearer in shown:
        with pytest.raises(Unauthenticated) as refused:
            await access.authenticate(bearer)
        said.add(str(refused.value))

    assert len(said) == 1


async def test_a_rotated_key_opens_with_both_secrets_until_the_grace_ends(access: Access, database: Database):
    await access.add_person("root", [ADMIN])
    first = await access.create_key("ci", [VIEWER], person="root")

    second = await access.rotate_key(first.id, grace=timedelta(hours=1))

    assert (second.id, second.prefix) == (first.id, first.prefix)
    assert second.old_until is not None
    assert {(await access.authenticate(key.key)).via for key in (first, second)} == {first.id}
    await change(database, b"UPDATE keys SET old_until = now() - interval '1 second'")
    with pytest.raises(Unauthenticated):
        await access.authenticate(first.key)
    assert (await access.authenticate(second.key)).via == first.id


async def test_a_key_ends_by_the_clock_of_the_database(access: Access, database: Database):
    await access.add_person("root", [ADMIN])
    made = await access.create_key("short", [VIEWER], person="root", lasts=timedelta(days=1))

    (listed,) = await access.list_keys()
    await change(database, b"UPDATE keys SET expires_at = clock_timestamp()")

    assert listed.expires_at is not None
    assert listed.expires_at - listed.created_at == timedelta(days=1)
    assert [key.state for key in await access.list_keys()] == ["expired"]
    with pytest.raises(Unauthenticated):
        await access.authenticate(made.key)
    with pytest.raises(Conflict):
        await access.rotate_key(made.id)


async def test_a_revoked_key_opens_nothing_in_a_process_that_used_it(access: Access, database: Database):
    other = Access(database.pool, Trusted())
    await access.add_person("root", [ADMIN])
    made = await access.create_key("leaked", [VIEWER], person="root")
    await other.authenticate(made.key)

    ended = await access.revoke_key(made.prefix)

    assert (ended.state, ended.revoked_by) == ("revoked", "genie")
    with pytest.raises(Unauthenticated):
        await other.authenticate(made.key)


async def test_the_last_use_is_noted_once_a_minute(access: Access, database: Database):
    await access.add_person("root", [ADMIN])
    made = await access.create_key("busy", [VIEWER], person="root")

    await asyncio.gather(*(access.authenticate(made.key) for _ in range(5)))
    first = (await row_of(database, made.id))["last_used_at"]
    await access.authenticate(made.key)
    second = (await row_of(database, made.id))["last_used_at"]
    await change(database, b"UPDATE keys SET last_used_at = now() - interval '61 seconds'")
    await access.authenticate(made.key)
    third = (await row_of(database, made.id))["last_used_at"]

    assert first is not None
    assert first == second
    assert third > first  # type: ignore[operator]


async def test_a_key_is_worth_no_more_than_its_person_is_today(access: Access):
    await access.add_person("root", [ADMIN])
    await access.add_person("anna", [approver("shop/**")])

    with pytest.raises(Forbidden, match="worth more than anna"):
        await access.create_key("too much", [approver("**")], person="anna")
    made = await access.create_key("fits", [approver("shop/web")], person="anna")
    await access.set_person("anna", grants=[Grant(role=Role.VIEWER, repo="shop/*")])

    caller = await access.authenticate(made.key)
    assert caller.grants == (Grant(role=Role.VIEWER, repo="shop/web"),)
    assert not caller.may(Deed.DECIDE, "shop/web")


async def test_who_is_no_admin_makes_no_key_and_one_of_some_repositories_makes_keys_for_them(access: Access):
    await access.add_person("root", [ADMIN])
    shop = Caller(person="sam", channel="http", grants=(Grant(role=Role.ADMIN, repo="shop/*"),))
    await access.add_person("sam", shop.grants)
    operator = Caller(person="olga", channel="http", grants=(Grant(role=Role.OPERATOR),))
    made = await access.create_key("of root", [ADMIN], person="root")

    with acting_as(operator), pytest.raises(Forbidden):
        await access.create_key("mine", [Grant(role=Role.VIEWER)])
    with acting_as(shop):
        mine = await access.create_key("mine", [approver("shop/web")])
        with pytest.raises(Forbidden):
            await access.create_key("more", [approver("**")])
        with pytest.raises(Forbidden):
            await access.revoke_key(made.id)

    assert (mine.person, mine.created_by) == ("sam", "sam")


async def test_what_is_refused_is_told_the_audit_but_no_key_that_was_typed_by_mistake(access: Access, database: Database):
    await access.add_person("root", [ADMIN])
    made = await access.create_key("of root", [ADMIN], person="root")
    with acting_as(Caller(person="olga", channel="http", grants=(Grant(role=Role.OPERATOR),))):
        for deed in (
            access.create_key("mine", [ADMIN], person="root"),
            access.rotate_key(made.id),
            access.revoke_key(made.prefix),
            access.sign_token(timedelta(hours=1), person="root"),
            access.revoke_token("t-0123456789"),
        ):
            with pytest.raises(Forbidden):
                await deed
        for typed in (made.key, "eyJh.eyJz.c2ln", "", "a\nb"):
            with pytest.raises(KeyNotFound):
                await access.revoke_token(typed)
        with pytest.raises(KeyNotFound):
            await access.revoke_key(made.key)

    async with database.pool.connection() as connection:
        rows = await (await connection.execute(b"SELECT deed, subject FROM audit WHERE refused ORDER BY n")).fetchall()
    assert [(row["deed"], row["subject"]) for row in rows] == [
        ("create", "root"),
        ("rotate", made.id),
        ("revoke", made.prefix),
        ("sign", "root"),
        ("revoke", "t-0123456789"),
    ]


async def test_what_cannot_be_a_key_is_refused_without_being_repeated(access: Access):
    await access.add_person("root", [ADMIN])

    with pytest.raises(InvalidInput, match="which person"):
        await access.create_key("nobody's", [VIEWER])
    with pytest.raises(InvalidInput, match="role"):
        await access.create_key("none", [], person="root")
    with pytest.raises(InvalidInput, match="at most"):
        await access.create_key("long", [VIEWER], person="root", lasts=timedelta(days=5_000))
    with pytest.raises(PersonNotFound):
        await access.create_key("who", [VIEWER], person="bob")
    with pytest.raises(KeyNotFound) as unknown:
        await access.revoke_key("gk_aaaaaaaa_" + "s" * 43)
    assert "sss" not in str(unknown.value)


async def test_servers_of_one_host_name_and_path_leave_each_other_their_keys(access: Access, tmp_path: Path):
    # As in docker-compose.yml, where each has a volume of its own at that path.
    home = tmp_path / "genie"
    first = (await access.home_key(home)).read_text().strip()
    home.rename(tmp_path / "volume-of-the-first")
    second = (await access.home_key(home)).read_text().strip()

    assert first != second
    assert [(await access.authenticate(key)).may(Deed.ADMINISTER) for key in (first, second)] == [True, True]


async def test_the_home_key_is_made_once_and_again_when_it_opens_nothing(access: Access, database: Database, tmp_path: Path):
    paths = await asyncio.gather(*(access.home_key(tmp_path) for _ in range(4)))
    text = paths[0].read_text().strip()
    caller = await access.authenticate(text)
    keys = await access.list_keys()
    await access.revoke_key(caller.via)
    again = (await access.home_key(tmp_path)).read_text().strip()

    assert stat.S_IMODE(paths[0].stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert len(keys) == 1
    assert caller.may(Deed.ADMINISTER)
    assert again != text
    assert (await access.authenticate(again)).person == caller.person
    async with database.pool.connection() as connection:
        told = await (await connection.execute(b"SELECT deed || ' ' || kind AS what FROM audit ORDER BY n")).fetchall()
    assert [row["what"] for row in told] == ["add person", "create key", "revoke key", "create key"]
