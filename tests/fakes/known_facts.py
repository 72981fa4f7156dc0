"""Very many facts at once, written as the store would have written them: one by one they would take minutes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from db.connection import Connection, Pool
from db.knowledge import prepare_vectors, stored_model, vector_text
from epics.knowledge import Group
from tests.fakes.embedding import HashingEmbedder, hashed

_FACTS = b"""
WITH told AS (
    INSERT INTO knowledge_episodes (project_id, shelf, key, title, source, happened_at)
    SELECT project, shelf, 'attempt:' || number, 'An attempt', '{"kind": "epic", "id": "e-0123456789"}', now() - interval '1 day'
    FROM unnest(%(projects)s::integer[], %(shelves)s::text[], %(numbers)s::integer[]) AS t (project, shelf, number)
    RETURNING id, key
)
INSERT INTO knowledge_facts (id, episode_id, project_id, shelf, text, subject, valid_from, words)
SELECT 'f-' || number, told.id, project, shelf, text, subject, now() - interval '1 day',
    setweight(words_of(subject), 'A') || setweight(words_of(text), 'B')
        || array_to_tsvector(ARRAY['project ' || project, 'project ' || project || ' ' || shelf])
FROM unnest(%(projects)s::integer[], %(shelves)s::text[], %(numbers)s::integer[], %(texts)s::text[], %(subjects)s::text[])
    AS t (project, shelf, number, text, subject) JOIN told ON told.key = 'attempt:' || number
"""
_ENTITIES = b"""
WITH named AS (
    INSERT INTO knowledge_entities (project_id, shelf, name) SELECT DISTINCT project_id, shelf, subject FROM knowledge_facts
    RETURNING id, project_id, shelf, name
)
INSERT INTO knowledge_mentions SELECT e.id, f.n FROM named e
    JOIN knowledge_facts f ON f.project_id = e.project_id AND f.shelf = e.shelf AND f.subject = e.name
"""
_VECTORS = b"""
INSERT INTO genie_vectors.of_facts (fact, model, project_id, shelf, embedding)
SELECT 'f-' || number, %(model)s, project, shelf, vector::halfvec
FROM unnest(%(numbers)s::integer[], %(projects)s::integer[], %(shelves)s::text[], %(vectors)s::text[]) AS t (number, project, shelf, vector)
"""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A fact as it was made."""

    number: int
    project: str
    group: Group
    text: str
    subject: str


def make_facts(sizes: dict[str, int], *, seed: int = 7, words: int = 20_000) -> list[Made]:
    """So many facts of each project: sentences whose words are as unequally common as those of people are."""
    chance = random.Random(seed)  # the same facts each time
    vocabulary = [f"{_syllables(chance)}{number}" if number > 400 else _syllables(chance) for number in range(words)]
    weights = [1 / (rank + 3) for rank in range(words)]
    owners = [project for project, size in sizes.items() for _ in range(size)]
    chance.shuffle(owners)
    drawn = chance.choices(vocabulary, weights, k=14 * len(owners))
    shelves = list(Group)
    return [
        Made(
            number=number,
            project=project,
            group=shelves[number % len(shelves)],
            text=" ".join(drawn[14 * number : 14 * number + 14]),
            subject=f"src/{drawn[14 * number]}.py",
        )
        for number, project in enumerate(owners)
    ]


async def write_facts(pool: Pool, made: Sequence[Made], embedder: HashingEmbedder | None) -> None:
    """Write facts, and vectors of them where there is an embedder; the server then counts what it has."""
    async with pool.connection() as connection:
        names = sorted({fact.project for fact in made})
        await connection.execute(b"INSERT INTO known_projects (name) SELECT unnest(%s::text[])", [names])
        rows = await (await connection.execute(b"SELECT name, id FROM known_projects")).fetchall()
        ids = {row["name"]: row["id"] for row in rows}
        for some in _parts(made, 5_000):
            await connection.execute(_FACTS, _columns(some, ids))
        await connection.execute(_ENTITIES)
        if embedder is not None:
            await _write_vectors(connection, made, ids, embedder)
        for table in (b"knowledge_facts", b"knowledge_mentions", b"knowledge_entities"):
            await connection.execute(b"VACUUM ANALYZE " + table)


async def _write_vectors(connection: Connection, made: Sequence[Made], ids: dict[str, int], embedder: HashingEmbedder) -> None:
    problem = await prepare_vectors(connection, embedder.name, embedder.dimensions)
    if problem:
        raise AssertionError(problem)
    found = await (await connection.execute(b"SELECT indexdef FROM pg_indexes WHERE indexdef LIKE '%%USING hnsw%%'")).fetchone() or {}
    # An index over rows that are there is made many times faster than row by row.
    name = found["indexdef"].split()[2]
    await connection.execute(f"DROP INDEX genie_vectors.{name}".encode())
    model = stored_model(embedder.name, embedder.dimensions)
    for some in _parts(made, 2_000):
        vectors = [vector_text(hashed(fact.text, embedder.dimensions)) for fact in some]
        await connection.execute(_VECTORS, {**_columns(some, ids), "vectors": vectors, "model": model})
    await connection.execute(b"SET maintenance_work_mem = '512MB'")
    await connection.execute(found["indexdef"].encode())
    await connection.execute(b"RESET maintenance_work_mem")
    await connection.execute(b"VACUUM ANALYZE genie_vectors.of_facts")


def _columns(some: Sequence[Made], ids: dict[str, int]) -> dict[str, list[object]]:
    return {
        "projects": [ids[fact.project] for fact in some],
        "shelves": [fact.group.value for fact in some],
        "numbers": [fact.number for fact in some],
        "texts": [fact.text for fact in some],
        "subjects": [fact.subject for fact in some],
    }


def _syllables(chance: random.Random) -> str:
    return "".join(chance.choice("bcdfgklmnprstvz") + chance.choice("aeiou") for _ in range(chance.randint(2, 4)))


def _parts(made: Sequence[Made], size: int) -> Iterator[Sequence[Made]]:
    return (made[start : start + size] for start in range(0, len(made), size))
