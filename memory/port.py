"""The port behind which knowledge is kept: what is told, and what is found again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from epics.knowledge import ALL_GROUPS, Counts, Entity, Episode, Fact, Found, Group


@dataclass(frozen=True, kw_only=True)
class Query:
    """What is looked for; only facts of `project` and of these groups are ever found."""

    project: str
    text: str
    groups: tuple[Group, ...] = ALL_GROUPS
    limit: int = 10
    as_of: datetime | None = None
    """Only what held at that time in the world; None for now."""
    around: str | None = None
    """The name of an entity: facts near it in the graph are found too, and rank higher."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Which facts are listed, the newest first."""

    project: str
    groups: tuple[Group, ...] = ALL_GROUPS
    about: str | None = None
    """An entity that they name."""
    as_of: datetime | None = None
    """Only what held at that time; None for all, those that hold no more too."""
    limit: int = 50
    before: str | None = None
    """The id of the last fact of the page before."""


@dataclass(frozen=True, kw_only=True)
class Forgetting:
    """What is to be forgotten, in one project: all that fits everything which is given here."""

    project: str
    groups: tuple[Group, ...] = ALL_GROUPS
    fact: str | None = None
    episode: str | None = None
    """The key of an episode: it goes with its facts."""


class Embedder(Protocol):
    """Turns texts into vectors, for searching by meaning."""

    @property
    def name(self) -> str:
        """The model; vectors of two models are never compared."""
        ...

    @property
    def dimensions(self) -> int:
        """How long each vector is."""
        ...

    async def embed(self, texts: tuple[str, ...]) -> tuple[tuple[float, ...], ...]:
        """One vector for each text, in their order.

        Raises:
            KnowledgeUnavailable: if the model does not answer.
        """
        ...


class KnowledgeStore(Protocol):
    """Keeps episodes, facts and entities; every method raises KnowledgeUnavailable where the store does not answer."""

    @property
    def name(self) -> str:
        """How settings call it, such as postgresql."""
        ...

    async def add(self, episode: Episode) -> bool:
        """Keep an episode and its facts, whole or not at all; False if its key was there, and then nothing is changed."""
        ...

    async def search(self, query: Query) -> tuple[Found, ...]:
        """The facts that fit best, best first: found by text, by meaning where there is an embedder, and near an entity; ranks fused."""
        ...

    async def facts(self, listing: Listing) -> tuple[Fact, ...]:
        """List facts, the newest first."""
        ...

    async def fact(self, project: str, fact_id: str) -> Fact:
        """One fact.

        Raises:
            FactNotFound: if the project has none of that id.
        """
        ...

    async def entities(self, project: str, *, groups: tuple[Group, ...] = ALL_GROUPS, limit: int = 50) -> tuple[Entity, ...]:
        """The entities that most facts name, most first."""
        ...

    async def forget(self, forgetting: Forgetting) -> int:
        """Forget facts, and episodes and entities that nothing is left of; return how many facts went."""
        ...

    async def counts(self, project: str | None = None, *, groups: tuple[Group, ...] = ALL_GROUPS) -> Counts:
        """How much is known of a project, or of all."""
        ...

    async def wipe(self, project: str | None = None) -> None:
        """Take everything out of the store, of one project or of all; what episodes were told is kept elsewhere and can be told anew."""
        ...
