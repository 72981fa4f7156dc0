"""One search in a graph: by the words of facts and entities, by meaning, and along edges, all as one ranking."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from graphiti_core.driver.driver import GraphDriver, GraphProvider
from graphiti_core.edges import EntityEdge
from graphiti_core.search.search_filters import ComparisonOperator, DateFilter, SearchFilters

from epics.knowledge import Fact, Found
from memory.fusing import EACH_WAY, with_neighbours
from memory.graphiti import queries
from memory.graphiti.shapes import NOWHERE, fact_of, id_of_entity, shelf_of
from memory.port import Query

_NEAR: Final = 0.3
"""Texts that are less alike than this, as the cosine of their vectors, are not found by meaning."""

_ALL_SHELVES: Final = 10_000
"""Kuzu takes the best of all shelves before it looks at the shelf."""

_PARTS: Final = re.compile(r"[^\W_]+")
_MOST_WORDS: Final = 64


class Search:
    """One search over one open database; every question of it names the shelves."""

    def __init__(self, driver: GraphDriver, query: Query, vector: tuple[float, ...] | None) -> None:
        """Bind to what is sought, and the vector of its text."""
        self._driver = driver
        self._query = query
        self._vector = vector
        self._shelves = [shelf_of(query.project, group) for group in query.groups]
        self._at = query.as_of or datetime.now(UTC)
        self._most = max(EACH_WAY, query.limit)
        self._facts: dict[str, Fact] = {}

    async def found(self) -> tuple[Found, ...]:
        """What fits best, best first."""
        ways, name = {"text": await self._by_words(), "vector": await self._by_meaning()}, self._query.around
        around = None if name is None else self._near([id_of_entity(shelf, name) for shelf in self._shelves], steps=2)
        order = await with_neighbours(ways, around=around, beside=lambda facts: self._near(self._ends_of(facts), steps=1))
        best = order[: self._query.limit]
        return tuple(Found(fact=self._facts[each.key], score=each.score, ways=each.ways) for each in best)

    async def _by_words(self) -> list[str]:
        words = " ".join(_PARTS.findall(self._query.text)[:_MOST_WORDS])
        if not words:
            return []
        look, most = of(self._driver.search_ops), self._most
        fetched = _ALL_SHELVES if self._driver.provider == GraphProvider.KUZU else most
        edges = await look.edge_fulltext_search(self._driver, words, _holding_at(self._at), self._shelves, fetched)
        nodes = await look.node_fulltext_search(self._driver, words, SearchFilters(), self._shelves, fetched)
        named = await queries.edges_touching(self._driver, self._shelves, [node.uuid for node in nodes[:most]])
        return self._noted([*edges, *named])[:most]

    async def _by_meaning(self) -> list[str]:
        if self._vector is None:
            return []
        look, filters = of(self._driver.search_ops), _holding_at(self._at)
        return self._noted(
            await look.edge_similarity_search(self._driver, list(self._vector), None, None, filters, self._shelves, self._most, _NEAR)
        )

    async def _near(self, nodes: list[str], *, steps: int) -> list[str]:
        """The facts that name one of these entities; and with two steps, then those that name what these name."""
        nowhere = {id_of_entity(shelf, NOWHERE) for shelf in self._shelves}
        one = await queries.edges_touching(self._driver, self._shelves, nodes)
        ends = {end for edge in one for end in (edge.source_node_uuid, edge.target_node_uuid)} - nowhere - set(nodes)
        two = await queries.edges_touching(self._driver, self._shelves, sorted(ends)) if steps > 1 else []
        return self._noted([*one, *two])[: self._most]

    def _ends_of(self, facts: Sequence[str]) -> list[str]:
        named = {name for fact in facts for name in (self._facts[fact].subject, self._facts[fact].object) if name}
        return sorted(id_of_entity(shelf, name) for shelf in self._shelves for name in named)

    def _noted(self, edges: Iterable[EntityEdge]) -> list[str]:
        """The ids of the facts of these edges that held then, each once, in their order."""
        held = [fact for fact in facts_of(edges) if holds(fact, self._at)]
        self._facts.update((fact.id, fact) for fact in held)
        return list(dict.fromkeys(fact.id for fact in held))


def of(operations: Any) -> Any:
    """A part of the driver that its base class leaves without a type, or says may be missing: all that we open have it."""
    return operations


def facts_of(edges: Iterable[EntityEdge]) -> list[Fact]:
    """The facts of those edges that Genie wrote."""
    return [fact for edge in edges if (fact := fact_of(edge)) is not None]


def holds(fact: Fact, at: datetime) -> bool:
    """Whether a fact held at a time."""
    return fact.valid_from <= at and (fact.valid_to is None or at < fact.valid_to)


def _holding_at(at: datetime) -> SearchFilters:
    begun = DateFilter(date=at, comparison_operator=ComparisonOperator.less_than_equal)
    open_still = DateFilter(comparison_operator=ComparisonOperator.is_null)
    ends_later = DateFilter(date=at, comparison_operator=ComparisonOperator.greater_than)
    return SearchFilters(valid_at=[[begun]], invalid_at=[[ends_later], [open_still]])
