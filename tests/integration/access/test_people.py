"""People: one name over all channels, and nobody locked out."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from db.connection import Database
from engine.access.access import Access
from engine.access.authenticating import Authenticating
from engine.access.local import Local
from engine.access.trusted import Trusted
from epics.access_errors import Forbidden, PersonNotFound, Unauthenticated
from epics.callers import Caller, acting_as
from epics.errors import Conflict, InvalidInput
from epics.roles import Deed, Grant, Role

pytestmark = pytest.mark.postgres

ADMIN = Grant(role=Role.ADMIN)
VIEWER = Grant(role=Role.VIEWER)


@pytest.fixture
def access(database: Database) -> Access:
    return Access(database.pool, Trusted())


def local(database: Database, user: str) -> Local:
    return Local(database.pool, Trusted(), Authenticating(database.pool, Trusted()), user)


async def audited(database: Database) -> list[tuple[str, str, str, str]]:
    async with database.pool.connection() as connection:
        rows = await (await connection.execute(b"SELECT person, deed, kind, subject FROM audit ORDER BY n")).fetchall()
    return [(row["person"], row["deed"], row["kind"], row["subject"]) for row in rows]


async def test_a_person_is_one_in_all_channels(access: Access):
    await access.add_person("root", [ADMIN])
    await access.add_person("anna", [VIEWER], groups=["leads", "web"], identities=[("slack", "T024BE7LD/U012A3CDE"), ("os", "anna.k")])

    in_slack = await access.caller_of("slack", "T024BE7LD/U012A3CDE", channel="slack", address="192.0.2.7")
    on_host = await access.caller_of("os", "anna.k", channel="cli")
    nobody = await access.caller_of("slack", "T024BE7LD/U0OTHER00", channel="slack")

    assert in_slack == Caller(
        person="anna", channel="slack", via="slack:T024BE7LD/U012A3CDE", address="192.0.2.7", grants=(VIEWER,), groups=("leads", "web")
    )
    assert on_host is not None
    assert on_host.person == "anna"
    assert nobody is None


async def test_what_a_channel_knows_belongs_to_one_person_only(access: Access):
    await access.add_person("root", [ADMIN])
    await access.add_person("anna", [VIEWER], identities=[("os", "anna")])

    with pytest.raises(Conflict, match="anna is known by"):
        await access.add_person("mallory", [VIEWER], identities=[("os", "anna")])
    assert [person.name for person in await access.people()] == ["anna", "root"]
    await access.unlink("anna", "os", "anna")
    moved = await access.link("root", "os", "anna")
    assert [(each.kind, each.value) for each in moved.identities] == [("os", "anna")]
    with pytest.raises(PersonNotFound):
        await access.unlink("anna", "os", "anna")


@pytest.mark.parametrize("name", ["", "genie", "Genie", "auto", "hook:ci", "jwt:anna", "anna b", "-x", "é", "a" * 101])
async def test_nobody_is_called_what_stands_for_something_else(access: Access, name: str):
    with pytest.raises(InvalidInput):
        await access.add_person(name, [ADMIN])


async def test_what_no_channel_could_know_is_refused(access: Access):
    for kind, value in (("slack", "U012A3CDE"), ("slack", "T1/U 2"), ("os", "a b"), ("jwt", "https://idp.example.org"), ("fax", "1")):
        with pytest.raises(InvalidInput):
            await access.add_person("anna", [ADMIN], identities=[(kind, value)])
    with pytest.raises(InvalidInput):
        await access.add_person("anna", [ADMIN], groups=["Leads!"])


async def test_the_last_admin_stays(access: Access):
    with pytest.raises(Conflict, match="nobody would be left"):
        await access.add_person("anna", [VIEWER])
    await access.add_person("root", [ADMIN])
    for grants in ((), (VIEWER,), (Grant(role=Role.ADMIN, repo="shop/*"),)):
        with pytest.raises(Conflict, match="nobody would be left"):
            await access.set_person("root", grants=grants)
    with pytest.raises(Conflict, match="nobody would be left"):
        await access.remove_person("root")

    await access.add_person("grace", [ADMIN])
    assert await access.remove_person("root") == ()


async def test_a_removed_person_is_nobody_and_a_new_one_of_the_name_has_none_of_the_keys(access: Access):
    await access.add_person("root", [ADMIN])
    await access.add_person("anna", [VIEWER], identities=[("os", "anna")])
    made = await access.create_key("laptop", [VIEWER], person="anna")

    gone = await access.remove_person("anna")
    await access.add_person("anna", [ADMIN])

    assert gone == (made.id,)
    assert await access.caller_of("os", "anna", channel="cli") is None
    with pytest.raises(Unauthenticated):
        await access.authenticate(made.key)


async def test_only_admins_of_everything_change_people(access: Access):
    await access.add_person("root", [ADMIN])
    await access.add_person("anna", [VIEWER])
    for grants in ((VIEWER,), (Grant(role=Role.APPROVER),), (Grant(role=Role.ADMIN, repo="shop/*"),)):
        with acting_as(Caller(person="anna", channel="http", grants=grants)):
            for deed in (
                access.add_person("mallory", []),
                access.set_person("anna", grants=[VIEWER]),
                access.link("anna", "os", "anna"),
                access.remove_person("root"),
                access.people(),
                access.list_keys(),
                access.revoke_token("t-0123456789"),
            ):
                with pytest.raises(Forbidden):
                    await deed


async def test_a_user_of_the_system_is_an_admin_until_a_person_with_less_is_linked(database: Database, access: Access):
    stranger = await local(database, "anna").caller()
    await access.add_person("root", [ADMIN])
    await access.add_person("anna.k", [VIEWER], identities=[("os", "anna")])
    await access.add_person("bob", [VIEWER])

    linked, named, other = [await local(database, user).caller() for user in ("anna", "bob", "carl")]

    assert (stranger.person, stranger.via, stranger.may(Deed.ADMINISTER)) == ("anna", "os:anna", True)
    assert (linked.person, linked.grants) == ("anna.k", (VIEWER,))
    assert (named.person, named.grants) == ("bob", (VIEWER,))
    assert (other.person, other.grants) == ("carl", (ADMIN,))


@pytest.mark.parametrize("user, name", [("genie", "os-genie"), ("uid 1000", "uid-1000"), ("_www", "os-www"), ("anna", "anna")])
async def test_a_user_of_the_system_is_never_taken_for_genie(database: Database, user: str, name: str):
    caller = await local(database, user).caller()

    assert caller.person == name


async def test_the_first_admin_becomes_a_person_and_the_audit_is_told_all(access: Access, database: Database, tmp_path: Path):
    with acting_as(await local(database, "anna").caller()):
        key = await access.create_key("laptop", [VIEWER])
        await access.rotate_key(key.id)
        await access.add_person("bob", [VIEWER])
        await access.link("bob", "os", "bob")
        await access.set_person("bob", groups=["leads"])
        await access.unlink("bob", "os", "bob")
        await access.remove_person("bob")
        await access.revoke_key(key.id)
        await access.revoke_token("t-0123456789")
    await local(database, "anna").home_key(tmp_path)

    rows = await audited(database)

    home = rows.pop()
    assert rows == [
        ("anna", "add", "person", "anna"),
        ("anna", "create", "key", key.id),
        ("anna", "rotate", "key", key.id),
        ("anna", "add", "person", "bob"),
        ("anna", "link", "person", "bob"),
        ("anna", "set", "person", "bob"),
        ("anna", "unlink", "person", "bob"),
        ("anna", "remove", "person", "bob"),
        ("anna", "revoke", "key", key.id),
        ("anna", "revoke", "token", "t-0123456789"),
    ]
    assert home[:3] == ("anna", "create", "key")
    assert [person.name for person in await access.people()] == ["anna"]


async def test_a_process_with_a_key_is_who_the_key_names_or_nobody(database: Database, access: Access):
    await access.add_person("root", [ADMIN])
    made = await access.create_key("ci", [VIEWER], person="root")

    def with_key(text: str) -> Local:
        trusted = Trusted(key=SecretStr(text))
        return Local(database.pool, trusted, Authenticating(database.pool, trusted), "anna")

    caller = await with_key(made.key).caller()
    await access.revoke_key(made.id)

    assert (caller.person, caller.channel, caller.via, caller.grants) == ("root", "cli", made.id, (VIEWER,))
    with pytest.raises(Unauthenticated, match="GENIE_KEY"):
        await with_key(made.key).caller()
