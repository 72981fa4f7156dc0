"""A process goes on while a newer release migrates the database under it."""

from __future__ import annotations

import psycopg
import pytest

from db.connection import Database
from db.epics import fetch_all, fetch_one
from db.queries import QUERIES

pytestmark = pytest.mark.postgres

WIDER = "CREATE OR REPLACE VIEW shown_epics AS SELECT now_shown.*, 1 AS of_a_newer_release FROM ({}) AS now_shown"


async def test_an_epic_is_shown_before_and_after_its_view_has_one_more_column(database: Database) -> None:
    page = {"status": None, "repo": None, "before": None, "limit": 5, "patterns": None}
    for _ in range(2):
        await fetch_one(database.pool, "epic_view", {"epic": "e-0000000001"})
        await fetch_all(database.pool, "list_epics", page)
    async with await psycopg.AsyncConnection.connect(database.dsn, autocommit=True) as newer:
        found = await (await newer.execute("SELECT pg_get_viewdef('shown_epics')")).fetchone()
        assert found is not None
        await newer.execute(WIDER.format(found[0].rstrip().rstrip(";")).encode())

    assert await fetch_one(database.pool, "epic_view", {"epic": "e-0000000001"}) is None
    assert await fetch_all(database.pool, "list_epics", page) == []


def test_no_statement_leaves_open_which_columns_it_gives() -> None:
    whole = [name for name, text in QUERIES.items() if b"s.*" in text or b"SELECT *" in text]
    assert whole == []
