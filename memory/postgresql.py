"""Knowledge in Genie's own database: found by words, by meaning where vectors can be made, and by what facts have in common."""

from __future__ import annotations

import time
from contextlib import AbstractAsyncContextManager
from typing import Final

import structlog

from db import knowledge as rows
from db.connection import Connection, Pool
from db.storable import storable_text
from epics.agent_errors import KnowledgeUnavailable
from epics.knowledge import ALL_GROUPS, Counts, Entity, Episode, Fact, Found, Group
from memory.port import Embedder, Forgetting, Listing, Query
from memory.searching import Search, Sought
from memory.words import Commonness

SEARCH_S: Final = 2.0
WRITE_S: Final = 30.0
WAIT_S: Final = 3.0
_WIPE: Final = 10
"""How many times longer it may take to throw everything away."""
_EMBED_AT_ONCE: Final = 64
_COUNTED_FOR_S: Final = 60.0


class PostgresKnowledge:
    """Implements `memory.port.KnowledgeStore` over the tables `knowledge_*`."""

    name = "postgresql"

    def __init__(
        self, pool: Pool, embedder: Embedder | None = None, *, wait_s: float = WAIT_S, search_s: float = SEARCH_S, write_s: float = WRITE_S
    ) -> None:
        """Bind to a database.

        Args:
            pool: connections to it.
            embedder: without one nothing is searched by meaning.
            wait_s: how long a connection is waited for: whoever asks for knowledge has other work to do.
            search_s: how long one statement of a search may take.
            write_s: how long any other may.
        """
        self._pool = pool
        self._wait_s = wait_s
        self._search_s = search_s
        self._write_s = write_s
        self._embedder = embedder
        self._vectors: str | None = ""
        """Why there are no vectors; empty before somebody looked, None where there are."""
        self._commonness = Commonness()
        self._counted_at = -float("inf")

    async def add(self, episode: Episode) -> bool:
        """Keep an episode; where no vector can be made of it now, one is made later, and words find it meanwhile."""
        async with self._knowing(self._write_s) as connection:
            facts = await rows.add_episode(connection, episode)
        if facts:
            try:
                await self._embed(facts)
            except KnowledgeUnavailable as error:
                structlog.get_logger().warning("a new fact has no vector yet", episode=episode.key, error=str(error))
        return facts is not None

    async def search(self, query: Query) -> tuple[Found, ...]:
        """The facts that fit best; what the embedder cannot do now, the words do alone."""
        vector = await self._vector_of(query.text)
        async with self._knowing(self._search_s) as connection:
            project = await rows.project_number(connection, query.project)
            if project is None or query.limit <= 0 or not query.groups:
                return ()
            sought = Sought(query=query, project=project, vector=vector, commonness=await self._counted(connection))
            return await Search(connection, sought).found()

    async def facts(self, listing: Listing) -> tuple[Fact, ...]:
        """List facts, the newest first."""
        async with self._knowing(self._write_s) as connection:
            project = await rows.project_number(connection, listing.project)
            if project is None:
                return ()
            values = {
                "project": project,
                "shelves": list(listing.groups),
                "held_at": listing.as_of,
                "about": listing.about and storable_text(listing.about),
                "before": listing.before and storable_text(listing.before),
                "limit": listing.limit,
            }
            return await rows.list_facts(connection, listing.project, values)

    async def fact(self, project: str, fact_id: str) -> Fact:
        """One fact.

        Raises:
            FactNotFound: if the project has none of that id.
        """
        async with self._knowing(self._write_s) as connection:
            return await rows.fact_by_id(connection, project, fact_id)

    async def entities(self, project: str, *, groups: tuple[Group, ...] = ALL_GROUPS, limit: int = 50) -> tuple[Entity, ...]:
        """The entities that most facts name, most first."""
        async with self._knowing(self._write_s) as connection:
            number = await rows.project_number(connection, project)
            values = {"project": number, "shelves": list(groups), "limit": limit}
            found = await rows.all_rows(connection, "list_entities", values)
            return tuple(Entity(name=row["name"], project=project, group=row["shelf"], facts=row["facts"]) for row in found)

    async def forget(self, forgetting: Forgetting) -> int:
        """Forget facts and what nothing is left of then."""
        async with self._knowing(self._write_s) as connection:
            project = await rows.project_number(connection, forgetting.project)
            if project is None:
                return 0
            what = {name: value and storable_text(value) for name, value in (("fact", forgetting.fact), ("episode", forgetting.episode))}
            return await rows.forget_facts(connection, {"project": project, "shelves": list(forgetting.groups), **what})

    async def counts(self, project: str | None = None, *, groups: tuple[Group, ...] = ALL_GROUPS) -> Counts:
        """How much is known of a project, or of all."""
        async with self._knowing(self._write_s) as connection:
            number = None if project is None else await rows.project_number(connection, project)
            if project is not None and number is None:
                return Counts()
            found = await rows.all_rows(connection, "count_knowledge", {"project": number, "shelves": list(groups)})
            return Counts.model_validate(found[0])

    async def wipe(self, project: str | None = None) -> None:
        """Take everything out, of one project or of all."""
        async with self._knowing(_WIPE * self._write_s) as connection:
            number = None if project is None else await rows.project_number(connection, project)
            if project is None or number is not None:
                await rows.wipe(connection, number)

    async def embed_missing(self) -> int:
        """Make vectors of some facts that have none yet, and return of how many: after a restore, another model, or an embedder's absence.

        Raises:
            KnowledgeUnavailable: if the embedder or the database does not answer.
        """
        if self._embedder is None or await self.without_vectors() is not None:
            return 0
        async with self._knowing(self._write_s) as connection:
            facts = await rows.facts_without_vector(connection, self._embedder.name, self._embedder.dimensions, _EMBED_AT_ONCE)
        await self._embed(tuple(facts))
        return len(facts)

    @property
    def wants_vectors(self) -> bool:
        """Whether an embedding model is set."""
        return self._embedder is not None

    async def without_vectors(self) -> str | None:
        """Why nothing is searched by meaning here; None if it is."""
        if self._embedder is None:
            return "no embedding model is set (GENIE_EMBEDDING_MODEL)"
        if self._vectors is None:
            return None
        async with self._knowing(self._write_s) as connection:
            self._vectors = await rows.prepare_vectors(connection, self._embedder.name, self._embedder.dimensions)
        return self._vectors

    def _knowing(self, seconds: float) -> AbstractAsyncContextManager[Connection]:
        return rows.knowing(self._pool, seconds=seconds, wait_s=self._wait_s)

    async def _embed(self, facts: tuple[tuple[str, str], ...]) -> None:
        if self._embedder is None or await self.without_vectors() is not None:
            return
        for start in range(0, len(facts), _EMBED_AT_ONCE):
            some = facts[start : start + _EMBED_AT_ONCE]
            vectors = await self._embedder.embed(tuple(text for _, text in some))
            async with self._knowing(self._write_s) as connection:
                pairs = ((fact, vector) for (fact, _), vector in zip(some, vectors, strict=True))
                await rows.keep_vectors(connection, self._embedder.name, pairs)

    async def _vector_of(self, text: str) -> tuple[str, int, str] | None:
        """The model, its dimensions, and the vector of what is sought; None where there are no vectors."""
        if self._embedder is None or not text.strip():
            return None
        try:
            if await self.without_vectors() is not None:
                return None
            vector = (await self._embedder.embed((text,)))[0]
        except KnowledgeUnavailable as error:
            structlog.get_logger().warning("knowledge is searched by words alone", error=str(error))
            return None
        return self._embedder.name, len(vector), rows.vector_text(vector)

    async def _counted(self, connection: Connection) -> Commonness:
        if time.monotonic() - self._counted_at > _COUNTED_FOR_S:
            row = (await rows.all_rows(connection, "common_lexemes", {}))[0]
            # The server adds the least and the greatest share, and that of no word at all, behind the shares of the words.
            shares = dict(zip(row["words"], row["shares"], strict=False))
            self._commonness = Commonness(shares=shares, facts=row["facts"])
            self._counted_at = time.monotonic()
        return self._commonness
