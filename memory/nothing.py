"""A store for those who want none."""

from __future__ import annotations

from typing import Final

from epics.agent_errors import FactNotFound
from epics.knowledge import ALL_GROUPS, Counts, Entity, Episode, Fact, Found, Group
from memory.port import Forgetting, Listing, Query

OFF: Final = "off"


class NothingKnown:
    """Implements `memory.port.KnowledgeStore` by keeping nothing and knowing nothing."""

    name = OFF

    async def add(self, episode: Episode) -> bool:
        """Keep nothing; what waits in the queue is not taken out of it while memory is off."""
        del episode
        return False

    async def search(self, query: Query) -> tuple[Found, ...]:
        """Nothing."""
        del query
        return ()

    async def facts(self, listing: Listing) -> tuple[Fact, ...]:
        """Nothing."""
        del listing
        return ()

    async def fact(self, project: str, fact_id: str) -> Fact:
        """No fact.

        Raises:
            FactNotFound: always.
        """
        message = f"nothing of the id {fact_id!r} is known of {project}: memory is off (GENIE_MEMORY)"
        raise FactNotFound(message)

    async def entities(self, project: str, *, groups: tuple[Group, ...] = ALL_GROUPS, limit: int = 50) -> tuple[Entity, ...]:
        """Nothing."""
        del project, groups, limit
        return ()

    async def forget(self, forgetting: Forgetting) -> int:
        """Nothing is there to forget."""
        del forgetting
        return 0

    async def counts(self, project: str | None = None, *, groups: tuple[Group, ...] = ALL_GROUPS) -> Counts:
        """Nothing."""
        del project, groups
        return Counts()

    async def wipe(self, project: str | None = None) -> None:
        """Nothing is there to take out."""
        del project
