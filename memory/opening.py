"""Opening the store of knowledge that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from memory.nothing import NothingKnown

if TYPE_CHECKING:
    from db.connection import Pool
    from memory.port import Embedder, KnowledgeStore

Kind = Literal["postgresql", "graphiti", "off"]


def open_store(kind: Kind, pool: Pool, embedder: Embedder | None = None) -> KnowledgeStore:
    """The store of that kind; nothing is connected to before it is first asked.

    Args:
        kind: as GENIE_MEMORY has it.
        pool: Genie's own database.
        embedder: what makes vectors, where one is set.
    """
    if kind == "off":
        return NothingKnown()
    from memory.postgresql import PostgresKnowledge  # noqa: PLC0415  # few commands need it

    return PostgresKnowledge(pool, embedder)
