"""Stores of knowledge for tests, by name, and short words for what is told to them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

from db.connection import open_pool
from epics.knowledge import Episode, Group, NewFact, Source
from memory.port import KnowledgeStore
from memory.postgresql import PostgresKnowledge
from tests.fakes.embedding import HashingEmbedder

DAY = timedelta(days=1)
THEN = datetime(2026, 1, 10, 12, tzinfo=UTC)

OpenStore = Callable[[str], AbstractAsyncContextManager[KnowledgeStore]]
"""Opens a store; it is given the URL of a migrated database of Genie's, which it may use or not."""

_numbers = count(1)


@asynccontextmanager
async def _words_alone(database_url: str) -> AsyncGenerator[KnowledgeStore]:
    async with open_pool(database_url) as pool:
        yield PostgresKnowledge(pool)


@asynccontextmanager
async def _with_vectors(database_url: str) -> AsyncGenerator[KnowledgeStore]:
    async with open_pool(database_url) as pool:
        yield PostgresKnowledge(pool, HashingEmbedder())


STORES: Mapping[str, OpenStore] = {"postgresql": _words_alone, "postgresql_vectors": _with_vectors}
"""Every adapter of the port, by the name that its tests bear."""

WITH_VECTORS = frozenset({"postgresql_vectors"})
"""Those that search by meaning."""


def new_project() -> str:
    """The name of a project that no other test knows, so that tests can share a store."""
    return f"/repos/shop-{next(_numbers)}"


def episode(
    project: str,
    *facts: NewFact | str,
    key: str = "",
    group: Group = Group.LEARNING,
    title: str = "An attempt",
    body: str = "What happened.",
    at: datetime = THEN,
) -> Episode:
    """An episode with facts, each a sentence or whole."""
    return Episode(
        key=key or f"attempt:{next(_numbers)}",
        project=project,
        group=group,
        title=title,
        body=body,
        happened_at=at,
        source=Source(kind="epic", id="e-0123456789", attempt=1),
        facts=tuple(NewFact(text=fact) if isinstance(fact, str) else fact for fact in facts),
    )


def about(subject: str, text: str, *, to: str | None = None, relation: str | None = None, **given: object) -> NewFact:
    """A fact about an entity, and maybe about another."""
    return NewFact.model_validate({"text": text, "subject": subject, "object": to, "relation": relation, **given})
