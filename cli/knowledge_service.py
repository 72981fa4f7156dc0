"""What the commands ask of knowledge, whoever answers: the engine in this process, or a server by its API."""

from __future__ import annotations

from typing import Protocol

from engine.knowledge.views import Forgotten, KnowledgeStats, QueuedEpisode, Rebuilt
from epics.knowledge import ALL_GROUPS, Entity, Episode, Fact, Found, Group
from memory.port import Forgetting, Listing, Query


class KnowledgeService(Protocol):
    """The calls that `KnowledgeForFaces` and `RemoteKnowledge` both have; the first says what each of them does and raises."""

    async def search(self, query: Query) -> tuple[Found, ...]:
        """The facts that fit best."""
        ...

    async def facts(self, listing: Listing) -> tuple[Fact, ...]:
        """Facts, the newest first."""
        ...

    async def fact(self, project: str, fact_id: str) -> Fact:
        """One fact."""
        ...

    async def entities(self, project: str, *, groups: tuple[Group, ...] = ALL_GROUPS, limit: int = 50) -> tuple[Entity, ...]:
        """What facts are about."""
        ...

    async def stats(self, project: str | None = None) -> KnowledgeStats:
        """How much is known."""
        ...

    async def add(self, episode: Episode) -> bool:
        """Tell something."""
        ...

    async def forget(self, forgetting: Forgetting) -> Forgotten:
        """Forget for good."""
        ...

    async def queue(self, project: str | None = None, *, dead: bool = False, limit: int = 50) -> tuple[QueuedEpisode, ...]:
        """What waits to be stored."""
        ...

    async def retry(self, project: str | None = None) -> int:
        """Have tried what was put off or given up."""
        ...

    async def rebuild(self, project: str | None = None) -> Rebuilt:
        """Store all that was ever told again."""
        ...

    async def settle(self, seconds: float, project: str | None = None) -> None:
        """Store here what is due; by a server: its workers do."""
        ...
