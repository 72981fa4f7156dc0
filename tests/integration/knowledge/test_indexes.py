"""Searches of many facts are answered by the indexes, and stay within their project."""

from __future__ import annotations

import pytest

from db.connection import open_pool
from epics.knowledge import Group
from memory.port import Query
from memory.postgresql import PostgresKnowledge
from tests.fakes.embedding import HashingEmbedder
from tests.fakes.known_facts import make_facts, write_facts

pytestmark = pytest.mark.postgres

SIZES = {"/repos/large": 4_200, "/repos/middle": 600, "/repos/small": 40}
READ = b"""
SELECT
    (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname IN ('knowledge_facts', 'of_facts')) AS row_by_row,
    (SELECT sum(idx_scan) FROM pg_stat_user_indexes WHERE indexrelname = 'knowledge_facts_words') AS words,
    (SELECT sum(idx_scan) FROM pg_stat_user_indexes i JOIN pg_index USING (indexrelid)
        WHERE i.relname = 'of_facts' AND pg_get_indexdef(indexrelid) LIKE '%%hnsw%%') AS vectors
"""


async def test_words_and_vectors_are_found_by_their_indexes_and_never_of_others(database_url):
    embedder = HashingEmbedder(16)
    made = make_facts(SIZES, words=4_000)
    async with open_pool(database_url) as pool:
        await write_facts(pool, made, embedder)
    before = await _read(database_url)
    groups = {f"f-{fact.number}": (fact.project, fact.group) for fact in made}

    found = {}
    # So few rows as a test can make the server would now and then rather read one by one.
    async with open_pool(f"{database_url}&options=-c%20enable_seqscan%3Doff") as pool:
        store = PostgresKnowledge(pool, embedder)
        for project in SIZES:
            about = next(fact for fact in made if fact.project == project and fact.group is Group.LEARNING)
            query = Query(project=project, text=about.text, groups=(Group.LEARNING,), limit=20)
            found[project] = [each.fact for each in await store.search(query)]
            assert found[project][0].text == about.text
    after = await _read(database_url)

    assert {groups[fact.id] for facts in found.values() for fact in facts} == {(project, Group.LEARNING) for project in SIZES}
    assert after["row_by_row"] == before["row_by_row"]
    assert after["words"] > before["words"]
    # The large project alone: few vectors are compared one by one.
    assert after["vectors"] == before["vectors"] + 1


async def _read(database_url):
    """What the server counted; it counts what a connection did when that ends."""
    async with open_pool(database_url) as pool, pool.connection() as connection:
        row = await (await connection.execute(READ)).fetchone()
    assert row is not None
    return row
