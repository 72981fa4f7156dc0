"""Stores of knowledge for tests, by name, and short words for what is told to them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

from db.connection import open_pool
from epics.knowledge import Episode, Group, NewFact, Source
from memory.port import KnowledgeStore
from memory.postgresql import PostgresKnowledge
from tests.fakes.embedding import HashingEmbedder
from tests.fakes.graph_database import graph_store
from tests.fakes.tcp_proxy import TcpProxy

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


@asynccontextmanager
async def _gone(database_url: str) -> AsyncGenerator[KnowledgeStore]:
    async with AsyncExitStack() as stack:
        with TcpProxy(database_url) as proxy:
            pool = await stack.enter_async_context(open_pool(proxy.url))
        yield PostgresKnowledge(pool, wait_s=0.3)


@asynccontextmanager
async def _silent(database_url: str) -> AsyncGenerator[KnowledgeStore]:
    with TcpProxy(database_url) as proxy:
        async with open_pool(proxy.url) as pool:
            proxy.partition()
            yield PostgresKnowledge(pool, wait_s=0.3, search_s=0.5, write_s=0.5)
            proxy.heal()


STORES: Mapping[str, OpenStore] = {"postgresql": _words_alone, "postgresql_vectors": _with_vectors, "graphiti": graph_store}
"""Every adapter of the port, by the name that its tests bear."""

WITH_VECTORS = frozenset({"postgresql_vectors", "graphiti"})
"""Those that search by meaning."""

GONE_STORES: Mapping[str, OpenStore] = {"postgresql_gone": _gone, "postgresql_silent": _silent}
"""Those whose database went away, or says nothing any more."""


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
