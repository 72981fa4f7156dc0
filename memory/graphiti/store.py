"""Knowledge in a graph database, by Graphiti: facts are written as they were told, and found by text, by meaning and along edges."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from graphiti_core.driver.driver import GraphDriver, GraphProvider
from graphiti_core.edges import EntityEdge
from graphiti_core.search.search_filters import ComparisonOperator, DateFilter, SearchFilters

from epics.agent_errors import FactNotFound, KnowledgeUnavailable
from epics.knowledge import ALL_GROUPS, Counts, Entity, Episode, Fact, Found, Group
from memory.fusing import fused
from memory.graphiti import queries
from memory.graphiti.databases import troubles, whole_or_nothing
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

_NEAR: Final = 0.3
"""Texts that are less alike than this, as the cosine of their vectors, are not found by meaning."""

_WORDS: Final = re.compile(r"\w+")
_FETCHED: Final = 5
"""How many times more than wanted each way of searching finds: ranks are fused, and the same fact is often found twice."""

_ALL_SHELVES: Final = 10_000
"""Kuzu takes the best of all shelves before it looks at the shelf."""


class GraphitiStore:
    """Implements `memory.port.KnowledgeStore`."""

    name = "graphiti"

    def __init__(self, driver: GraphDriver, embedder: Embedder, *, patience_s: float = PATIENCE_S) -> None:
        """Bind to an open graph database.

        Args:
            driver: as `open_driver` opened it.
            embedder: Graphiti keeps a vector with everything.
            patience_s: how long the database may take for one question.
        """
        self._driver = driver
        self._embedder = embedder
        self._patience_s = patience_s
        self._alone = asyncio.Lock()
        self._troubles = troubles()

    async def add(self, episode: Episode) -> bool:
        """Keep an episode and its facts, whole or not at all; False if its key was there."""
        async with self._asking():
            if await queries.has_episode(self._driver, id_of_episode(episode.key)):
                return False
        facts = facts_told_by(episode)
        names = sorted({name for fact in facts for name in (fact.subject or NOWHERE, fact.object or NOWHERE)})
        vectors = await self._embedder.embed((*(fact.text for fact in facts), *(name or "nothing" for name in names)))
        now, shelf = datetime.now(UTC), shelf_of(episode.project, episode.group)
        edges = [fact_edge(episode, n, fact, list(vectors[n]), now=now) for n, fact in enumerate(facts)]
        nodes = [entity_node(shelf, name, list(vector), now=now) for name, vector in zip(names, vectors[len(facts) :], strict=True)]
        async with self._asking(), whole_or_nothing(self._driver) as transaction:
            for node in nodes:
                await _of(self._driver.entity_node_ops).save(self._driver, node, tx=transaction)
            for edge, fact in zip(edges, facts, strict=True):
                if fact.replaces:
                    await self._end_older(transaction, edge, now=now)
                await _of(self._driver.entity_edge_ops).save(self._driver, edge, tx=transaction)
            # Last, so that where there are no transactions an episode that is there is whole.
            await _of(self._driver.episode_node_ops).save(self._driver, episode_node(episode, now=now), tx=transaction)
        return True

    async def search(self, query: Query) -> tuple[Found, ...]:
        """The facts that fit best, best first."""
        shelves = [shelf_of(query.project, group) for group in query.groups]
        words = " ".join(_WORDS.findall(query.text))
        if not shelves or not words:
            return ()
        (vector,) = await self._embedder.embed((query.text,))
        at = query.as_of or datetime.now(UTC)
        many = query.limit * _FETCHED
        filters, look = _holding_at(at), _of(self._driver.search_ops)
        fetched = _ALL_SHELVES if self._driver.provider == GraphProvider.KUZU else many
        async with self._asking():
            by_text = await look.edge_fulltext_search(self._driver, words, filters, shelves, fetched)
            by_meaning = await look.edge_similarity_search(self._driver, list(vector), None, None, filters, shelves, many, _NEAR)
            near = await self._near(shelves, query.around) if query.around else []
        ways = {"text": _facts(by_text[:many]), "vector": _facts(by_meaning), "neighbours": [fact for fact in near if _holds(fact, at)]}
        return fused(ways, limit=query.limit)

    async def facts(self, listing: Listing) -> tuple[Fact, ...]:
        """List facts, the newest first."""
        shelves = [shelf_of(listing.project, group) for group in listing.groups]
        async with self._asking():
            found = _facts(await self._about(shelves, listing.about) if listing.about else await self._all(shelves))
        at = listing.as_of
        held = [fact for fact in found if at is None or _holds(fact, at)]
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
        async with self._asking():
            edges = await queries.edges_where(self._driver, "e.uuid = $uuid AND e.group_id IN $shelves", uuid=fact_id, shelves=shelves)
        for fact in _facts(edges):
            return fact
        raise FactNotFound(f"{project} has no fact {fact_id!r}")

    async def entities(self, project: str, *, groups: tuple[Group, ...] = ALL_GROUPS, limit: int = 50) -> tuple[Entity, ...]:
        """The entities that most facts name, most first."""
        named: dict[tuple[Group, str], Entity] = {}
        for fact in await self.facts(Listing(project=project, groups=groups, limit=_ALL_SHELVES * 100)):
            for name in {each for each in (fact.subject, fact.object) if each}:
                key = (fact.group, name.casefold())
                before = named.get(key) or Entity(name=name, project=project, group=fact.group, facts=0)
                named[key] = before.model_copy(update={"facts": before.facts + 1})
        return tuple(sorted(named.values(), key=lambda entity: (-entity.facts, entity.name))[:limit])

    async def forget(self, forgetting: Forgetting) -> int:
        """Forget facts, and episodes and entities that nothing is left of; return how many facts went."""
        shelves = [shelf_of(forgetting.project, group) for group in forgetting.groups]
        async with self._asking():
            edges = await self._all(shelves)
            gone = [edge for edge in edges if _is_meant(edge, forgetting)]
            if not gone:
                return 0
            await queries.delete_edges(self._driver, [edge.uuid for edge in gone])
            await self._delete_bare(shelves, [edge for edge in edges if edge not in gone])
        return len(gone)

    async def counts(self, project: str | None = None, *, groups: tuple[Group, ...] = ALL_GROUPS) -> Counts:
        """How much is known of a project, or of all."""
        async with self._asking():
            shelves = await self._shelves(project, groups)
            return Counts(
                episodes=len(await queries.nodes_in(self._driver, "Episodic", shelves)),
                facts=await queries.count_edges(self._driver, shelves),
                entities=len(await queries.nodes_in(self._driver, "Entity", shelves)),
            )

    async def wipe(self, project: str | None = None) -> None:
        """Take everything out of the graph that Genie put there, of one project or of all."""
        async with self._asking():
            shelves = await self._shelves(project, ALL_GROUPS)
            edges = await self._all(shelves)
            await queries.delete_edges(self._driver, [edge.uuid for edge in edges])
            for label in ("Episodic", "Entity"):
                await queries.delete_nodes(self._driver, label, list(await queries.nodes_in(self._driver, label, shelves)))
            await queries.delete_nodes(self._driver, "Entity", [id_of_entity(shelf, NOWHERE) for shelf in shelves])

    async def aclose(self) -> None:
        """Close the connection."""
        await _of(self._driver).close()

    async def _end_older(self, transaction: Any, edge: EntityEdge, *, now: datetime) -> None:
        condition = "e.group_id = $shelf AND e.name = $relation AND n.uuid = $subject AND e.valid_at < $since AND e.invalid_at IS NULL"
        older = await queries.edges_where(
            self._driver, condition, shelf=edge.group_id, relation=edge.name, subject=edge.source_node_uuid, since=edge.valid_at
        )
        if older and edge.valid_at is not None:
            await queries.end_edges(self._driver, transaction, [each.uuid for each in older], valid_to=edge.valid_at, now=now)

    async def _near(self, shelves: list[str], entity: str) -> list[Fact]:
        """The facts that name an entity, then those that name what these name."""
        origins = [id_of_entity(shelf, entity) for shelf in shelves]
        first = await self._touching(shelves, origins)
        nowhere = {id_of_entity(shelf, NOWHERE) for shelf in shelves}
        ends = {end for edge in first for end in (edge.source_node_uuid, edge.target_node_uuid)} - nowhere - set(origins)
        second = await self._touching(shelves, sorted(ends)) if ends else []
        return _facts([*first, *(edge for edge in second if edge not in first)])

    async def _about(self, shelves: list[str], entity: str) -> list[EntityEdge]:
        return await self._touching(shelves, [id_of_entity(shelf, entity) for shelf in shelves])

    async def _touching(self, shelves: list[str], nodes: list[str]) -> list[EntityEdge]:
        condition = "e.group_id IN $shelves AND (n.uuid IN $nodes OR m.uuid IN $nodes)"
        return await queries.edges_where(self._driver, condition, shelves=shelves, nodes=nodes)

    async def _all(self, shelves: list[str]) -> list[EntityEdge]:
        return await queries.edges_where(self._driver, "e.group_id IN $shelves", shelves=shelves)

    async def _delete_bare(self, shelves: list[str], left: list[EntityEdge]) -> None:
        told = {episode for edge in left for episode in edge.episodes}
        ends = {end for edge in left for end in (edge.source_node_uuid, edge.target_node_uuid)}
        for label, still in (("Episodic", told), ("Entity", ends)):
            nodes = await queries.nodes_in(self._driver, label, shelves)
            await queries.delete_nodes(self._driver, label, sorted(nodes.keys() - still))

    async def _shelves(self, project: str | None, groups: tuple[Group, ...]) -> list[str]:
        if project is not None:
            return [shelf_of(project, group) for group in groups]
        beginnings = tuple(label_of("", group) for group in groups)
        return sorted(shelf for shelf, label in (await queries.shelves_in(self._driver)).items() if label.startswith(beginnings))

    @asynccontextmanager
    async def _asking(self) -> AsyncGenerator[None]:
        """One question at a time, within its time: Kuzu has one connection, and a transaction on it must be alone."""
        try:
            async with asyncio.timeout(self._patience_s), self._alone:
                yield
        except TimeoutError as error:
            # Before the others: it is an OSError too.
            raise KnowledgeUnavailable(f"the graph database did not answer within {self._patience_s:g} s") from error
        except self._troubles as error:
            said = " ".join(str(error).split())[:300]
            raise KnowledgeUnavailable(f"the graph database does not work: {said or type(error).__name__}") from error


def _of(operations: Any) -> Any:
    """A part of the driver that its base class leaves without a type, or says may be missing: all that we open have it."""
    return operations


def _facts(edges: Iterable[EntityEdge]) -> list[Fact]:
    return [fact for edge in edges if (fact := fact_of(edge)) is not None]


def _holding_at(at: datetime) -> SearchFilters:
    begun = DateFilter(date=at, comparison_operator=ComparisonOperator.less_than_equal)
    open_still = DateFilter(comparison_operator=ComparisonOperator.is_null)
    ends_later = DateFilter(date=at, comparison_operator=ComparisonOperator.greater_than)
    return SearchFilters(valid_at=[[begun]], invalid_at=[[ends_later], [open_still]])


def _holds(fact: Fact, at: datetime) -> bool:
    return fact.valid_from <= at and (fact.valid_to is None or at < fact.valid_to)


def _is_meant(edge: EntityEdge, forgetting: Forgetting) -> bool:
    fact = fact_of(edge)
    return fact is not None and forgetting.fact in {None, fact.id} and forgetting.episode in {None, fact.episode}
