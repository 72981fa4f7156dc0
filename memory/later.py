"""A store that is made when it is first asked: its libraries take seconds to import, and most commands ask nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from epics.knowledge import ALL_GROUPS, Counts, Entity, Episode, Fact, Found, Group

if TYPE_CHECKING:
    from memory.port import Forgetting, KnowledgeStore, Listing, Query


class StoreLater:
    """Implements `memory.port.KnowledgeStore` by the store that it makes."""

    def __init__(self, name: str, make: Callable[[], KnowledgeStore]) -> None:
        """Keep how the store is made."""
        self.name = name
        self._make = make

    @cached_property
    def _store(self) -> KnowledgeStore:
        return self._make()

    async def add(self, episode: Episode) -> bool:
        """Keep an episode; False if its key was there."""
        return await self._store.add(episode)

    async def search(self, query: Query) -> tuple[Found, ...]:
        """The facts that fit best, best first."""
        return await self._store.search(query)

    async def facts(self, listing: Listing) -> tuple[Fact, ...]:
        """List facts, the newest first."""
        return await self._store.facts(listing)

    async def fact(self, project: str, fact_id: str) -> Fact:
        """One fact.

        Raises:
            FactNotFound: if the project has none of that id.
        """
        return await self._store.fact(project, fact_id)

    async def entities(self, project: str, *, groups: tuple[Group, ...] = ALL_GROUPS, limit: int = 50) -> tuple[Entity, ...]:
        """The entities that most facts name, most first."""
        return await self._store.entities(project, groups=groups, limit=limit)

    async def forget(self, forgetting: Forgetting) -> int:
        """Forget facts, and what nothing is left of then."""
        return await self._store.forget(forgetting)

    async def counts(self, project: str | None = None, *, groups: tuple[Group, ...] = ALL_GROUPS) -> Counts:
        """How much is known of a project, or of all."""
        return await self._store.counts(project, groups=groups)

    async def wipe(self, project: str | None = None) -> None:
        """Take everything out, of one project or of all."""
        await self._store.wipe(project)
