"""Knowledge in a graph database, by Graphiti: facts are written as they were told, and found by text, by meaning and along edges."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from graphiti_core.driver.driver import GraphDriver
from graphiti_core.edges import EntityEdge
from graphiti_core.nodes import EntityNode, EpisodicNode

from db.knowledge import text_for_vector
from epics.agent_errors import FactNotFound, KnowledgeUnavailable
from epics.knowledge import ALL_GROUPS, Counts, Entity, Episode, Fact, Found, Group
from memory.graphiti import queries
from memory.graphiti.databases import troubles, whole_or_nothing
from memory.graphiti.replacing import settle
from memory.graphiti.searching import Search, facts_of, holds, of
from memory.graphiti.shapes import (
    NOWHERE,
    entity_node,
    episode_node,
    fact_edge,
    fact_of,
    facts_told_by,
    id_of_entity,
    id_of_episode,
    label_of,
    shelf_of,
)
from memory.port import Embedder, Forgetting, Listing, Query

PATIENCE_S: Final = 10.0
"""How long the database may take for one question."""

_ALL: Final = 1_000_000


class GraphitiStore:
    """Implements `memory.port.KnowledgeStore`."""

    name = "graphiti"

    def __init__(self, open_it: Callable[[], Awaitable[GraphDriver]], embedder: Embedder, *, patience_s: float = PATIENCE_S) -> None:
        """Bind to a graph database, which is opened when it is first asked.

        Args:
            open_it: opens the database.
            embedder: Graphiti keeps a vector with everything.
            patience_s: how long the database may take for one question.
        """
        self._open = open_it
        self._driver: GraphDriver | None = None
        self._embedder = embedder
        self._patience_s = patience_s
        self._alone = asyncio.Lock()
        self._troubles = troubles()

    async def add(self, episode: Episode) -> bool:
        """Keep an episode and its facts, whole or not at all; False if its key was there."""
        facts = list(facts_told_by(episode).items())
        names = sorted({name for _, fact in facts for name in (fact.subject or NOWHERE, fact.object or NOWHERE)})
        texts = [text_for_vector({"subject": fact.subject, "object": fact.object, "text": fact.text}) for _, fact in facts]
        vectors = [list(vector) for vector in await self._embedder.embed((*texts, *(name or "nothing" for name in names)))]
        now, shelf = datetime.now(UTC), shelf_of(episode.project, episode.group)
        edges = [fact_edge(episode, n, fact, vectors[n], now=now) for n, fact in enumerate(facts)]
        nodes = [entity_node(shelf, name, vector, now=now) for name, vector in zip(names, vectors[len(facts) :], strict=True)]
        async with self._asking() as driver:
            if await queries.has_episode(driver, id_of_episode(episode.project, episode.key)):
                return False
            async with whole_or_nothing(driver) as transaction:
                await _write(driver, transaction, episode_node(episode, now=now), nodes, edges)
        return True

    async def search(self, query: Query) -> tuple[Found, ...]:
        """The facts that fit best; what the embedder cannot do now, the words do alone."""
        if not query.groups or query.limit <= 0:
            return ()
        vector = await self._vector_of(query.text)
        async with self._asking() as driver:
            return await Search(driver, query, vector).found()

    async def _vector_of(self, text: str) -> tuple[float, ...] | None:
        if not text.strip():
            return None
        try:
            return (await self._embedder.embed((text,)))[0]
        except KnowledgeUnavailable as error:
            structlog.get_logger().warning("knowledge is searched by words alone", error=str(error))
            return None

    async def facts(self, listing: Listing) -> tuple[Fact, ...]:
        """List facts, the newest first."""
        shelves = [shelf_of(listing.project, group) for group in listing.groups]
        async with self._asking() as driver:
            if listing.about is None:
                edges = await queries.edges_on(driver, shelves)
            else:
                edges = await queries.edges_touching(driver, shelves, [id_of_entity(shelf, listing.about) for shelf in shelves])
            found = facts_of(edges)
        at = listing.as_of
        held = [fact for fact in found if at is None or holds(fact, at)]
        ordered = sorted(held, key=lambda fact: (fact.recorded_at, fact.id), reverse=True)
        if listing.before is not None:
            places = [n for n, fact in enumerate(ordered) if fact.id == listing.before]
            ordered = ordered[places[0] + 1 :] if places else []
        return tuple(ordered[: listing.limit])

    async def fact(self, project: str, fact_id: str) -> Fact:
        """One fact.

        Raises:
            FactNotFound: if the project has none of that id.
        """
        shelves = [shelf_of(project, group) for group in ALL_GROUPS]
        async with self._asking() as driver:
            edges = await queries.edges_where(driver, "e.uuid = $uuid AND e.group_id IN $shelves", uuid=fact_id, shelves=shelves)
        for fact in facts_of(edges):
            return fact
        raise FactNotFound(f"{project} has no fact {fact_id!r}")

    async def entities(self, project: str, *, groups: tuple[Group, ...] = ALL_GROUPS, limit: int = 50) -> tuple[Entity, ...]:
        """The entities that most facts name, most first."""
        named: dict[tuple[Group, str], Entity] = {}
        for fact in await self.facts(Listing(project=project, groups=groups, limit=_ALL)):
            for name in {each for each in (fact.subject, fact.object) if each}:
                key = (fact.group, name)
                before = named.get(key) or Entity(name=name, project=project, group=fact.group, facts=0)
                named[key] = before.model_copy(update={"facts": before.facts + 1})
        return tuple(sorted(named.values(), key=lambda entity: (-entity.facts, entity.name))[:limit])

    async def forget(self, forgetting: Forgetting) -> int:
        """Forget facts, and episodes and entities that nothing is left of; return how many facts went."""
        shelves = [shelf_of(forgetting.project, group) for group in forgetting.groups]
        async with self._asking() as driver:
            edges = await queries.edges_on(driver, shelves)
            gone = [edge for edge in edges if _is_meant(edge, forgetting)]
            if not gone:
                return 0
            await queries.delete_edges(driver, [edge.uuid for edge in gone])
            await _delete_bare(driver, shelves, [edge for edge in edges if edge not in gone])
        return len(gone)

    async def counts(self, project: str | None = None, *, groups: tuple[Group, ...] = ALL_GROUPS) -> Counts:
        """How much is known of a project, or of all."""
        async with self._asking() as driver:
            shelves = await _shelves(driver, project, groups)
            return Counts(
                episodes=len(await queries.nodes_in(driver, "Episodic", shelves)),
                facts=await queries.count_edges(driver, shelves),
                entities=len(await queries.nodes_in(driver, "Entity", shelves)),
            )

    async def wipe(self, project: str | None = None) -> None:
        """Take everything out of the graph that Genie put there, of one project or of all."""
        async with self._asking() as driver:
            shelves = await _shelves(driver, project, ALL_GROUPS)
            edges = await queries.edges_on(driver, shelves)
            await queries.delete_edges(driver, [edge.uuid for edge in edges])
            for label in ("Episodic", "Entity"):
                await queries.delete_nodes(driver, label, list(await queries.nodes_in(driver, label, shelves)))
            await queries.delete_nodes(driver, "Entity", [id_of_entity(shelf, NOWHERE) for shelf in shelves])

    async def aclose(self) -> None:
        """Close the connection."""
        if self._driver is not None:
            await of(self._driver).close()

    @asynccontextmanager
    async def _asking(self) -> AsyncGenerator[GraphDriver]:
        """One question at a time, within its time: Kuzu has one connection, and a transaction on it must be alone."""
        try:
            async with asyncio.timeout(self._patience_s), self._alone:
                if self._driver is None:
                    self._driver = await self._open()
                yield self._driver
        except TimeoutError as error:
            # Before the others: it is an OSError too.
            raise KnowledgeUnavailable(f"the graph database did not answer within {self._patience_s:g} s") from error
        except self._troubles as error:
            said = " ".join(str(error).split())[:300]
            raise KnowledgeUnavailable(f"the graph database does not work: {said or type(error).__name__}") from error


def _is_meant(edge: EntityEdge, forgetting: Forgetting) -> bool:
    fact = fact_of(edge)
    return fact is not None and forgetting.fact in {None, fact.id} and forgetting.episode in {None, fact.episode}


async def _delete_bare(driver: GraphDriver, shelves: list[str], left: list[EntityEdge]) -> None:
    told = {episode for edge in left for episode in edge.episodes}
    ends = {end for edge in left for end in (edge.source_node_uuid, edge.target_node_uuid)}
    for label, still in (("Episodic", told), ("Entity", ends)):
        nodes = await queries.nodes_in(driver, label, shelves)
        await queries.delete_nodes(driver, label, sorted(nodes.keys() - still))


async def _shelves(driver: GraphDriver, project: str | None, groups: tuple[Group, ...]) -> list[str]:
    if project is not None:
        return [shelf_of(project, group) for group in groups]
    beginnings = tuple(label_of("", group) for group in groups)
    return sorted(shelf for shelf, label in (await queries.shelves_in(driver)).items() if label.startswith(beginnings))


async def _write(driver: GraphDriver, transaction: Any, episode: EpisodicNode, nodes: list[EntityNode], edges: list[EntityEdge]) -> None:
    for node in nodes:
        await of(driver.entity_node_ops).save(driver, node, tx=transaction)
    for edge in edges:
        await settle(driver, transaction, edge, now=episode.created_at)
        await of(driver.entity_edge_ops).save(driver, edge, tx=transaction)
    # Last, so that where there are no transactions an episode that is there is whole.
    await of(driver.episode_node_ops).save(driver, episode, tx=transaction)
