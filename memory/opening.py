"""Opening the store of knowledge that the settings name."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from epics.errors import InvalidSettings
from memory.graph_addresses import check_address
from memory.later import StoreLater
from memory.nothing import NothingKnown

if TYPE_CHECKING:
    from db.connection import Pool
    from memory.port import Embedder, KnowledgeStore

Kind = Literal["postgresql", "graphiti", "off"]


def open_store(kind: Kind, pool: Pool, embedder: Embedder | None = None, *, graph_url: str | None = None) -> KnowledgeStore:
    """The store of that kind; nothing is connected to before it is first asked.

    Args:
        kind: as GENIE_MEMORY has it.
        pool: Genie's own database.
        embedder: what makes vectors, where one is set.
        graph_url: where the graph database is, for Graphiti.

    Raises:
        InvalidSettings: if what the store needs is not set, or not installed.
    """
    if kind == "off":
        return NothingKnown()
    if kind == "graphiti":
        return _graphiti(embedder, graph_url)
    from memory.postgresql import PostgresKnowledge  # noqa: PLC0415  # few commands need it

    return PostgresKnowledge(pool, embedder)


def _graphiti(embedder: Embedder | None, url: str | None) -> KnowledgeStore:
    if find_spec("graphiti_core") is None:
        raise InvalidSettings("GENIE_MEMORY is graphiti, which is not installed: install genie-orchestrator[graphiti]")
    if url is None:
        raise InvalidSettings("GENIE_MEMORY is graphiti: set GENIE_GRAPHITI_URL to the address of a graph database")
    if embedder is None:
        raise InvalidSettings("GENIE_MEMORY is graphiti, which keeps a vector with each fact: set GENIE_EMBEDDING_MODEL")
    check_address(url)
    return StoreLater("graphiti", lambda: _graph_at(url, embedder))


def _graph_at(url: str, embedder: Embedder) -> KnowledgeStore:
    from memory.graphiti.databases import open_driver  # noqa: PLC0415  # seconds to import
    from memory.graphiti.store import GraphitiStore  # noqa: PLC0415

    return GraphitiStore(partial(open_driver, url), embedder)
