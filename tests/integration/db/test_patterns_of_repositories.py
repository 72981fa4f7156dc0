"""What fits a pattern: the database and Python agree, whatever characters a repository's name has."""

from __future__ import annotations

import pytest

from db.connection import Database
from engine.readable import readable_patterns
from epics.callers import Caller, acting_as
from epics.roles import Grant, Role

pytestmark = pytest.mark.postgres

PATTERNS = (
    "**",
    "*",
    "/srv/*",
    "/srv/**",
    "/srv/**/x",
    "https://git.example.org/team/*",
    "https://git.example.org/team/shop.git",
    "git@host:team/*.git",
    "/odd/[a-z]+(b|c)?{2}\\d^$.#&~- x/*",
    "/line\nbreak/*",
    "***/x",
    "/únï/*",
)
REPOSITORIES = (
    "/srv/a",
    "/srv/a/b",
    "/srv/a/x",
    "/srv/",
    "/srv",
    "https://git.example.org/team/shop.git",
    "https://git.example.org/team/shopxgit",
    "https://git.example.org/team/shop.git/more",
    "https://git.example.org/teams/shop.git",
    "git@host:team/one.git",
    "git@host:team/one/two.git",
    "/odd/[a-z]+(b|c)?{2}\\d^$.#&~- x/one",
    "/odd/q",
    "/line\nbreak/one",
    "/srv/with\nbreak",
    "/únï/cöde",
    "x",
    "",
)


def reader(*patterns: str) -> Caller:
    return Caller(person="anna", channel="http", grants=tuple(Grant(role=Role.VIEWER, repo=pattern) for pattern in patterns))


async def fitting(database: Database, patterns: object) -> set[str]:
    async with database.pool.connection() as connection:
        query = b"SELECT r AS repo FROM unnest(%s::text[]) AS r WHERE %s::text[] IS NULL OR fits(r, %s::text[])"
        rows = await (await connection.execute(query, [list(REPOSITORIES), patterns, patterns])).fetchall()
    return {row["repo"] for row in rows}


async def test_the_database_and_python_agree_on_what_fits(database: Database) -> None:
    for pattern in PATTERNS:
        with acting_as(reader(pattern)):
            found = await fitting(database, readable_patterns())

        assert found == {repo for repo in REPOSITORIES if Grant(role=Role.VIEWER, repo=pattern).covers(repo)}, pattern


async def test_several_patterns_let_in_what_fits_any_of_them_and_none_lets_in_nothing(database: Database) -> None:
    with acting_as(reader("/srv/*", "x")):
        some = await fitting(database, readable_patterns())
    with acting_as(reader()):
        nothing = await fitting(database, readable_patterns())

    assert some == {"/srv/a", "/srv/", "x", "/srv/with\nbreak"}
    assert nothing == set()
