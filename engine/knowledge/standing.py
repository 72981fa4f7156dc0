"""How the store of knowledge stands: what /ready and `genie doctor` tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from epics.agent_errors import KnowledgeUnavailable
from memory.nothing import OFF
from memory.port import KnowledgeStore


@dataclass(frozen=True, kw_only=True)
class KnowledgeStanding:
    """Whether knowledge is kept and found as the settings want it, and how."""

    ok: bool
    detail: str


@runtime_checkable
class SearchesByMeaning(Protocol):
    """A store that makes vectors where that is wanted and the server can keep them."""

    @property
    def wants_vectors(self) -> bool:
        """Whether an embedding model is set."""
        ...

    async def without_vectors(self) -> str | None:
        """Why there are none; None where there are."""
        ...


async def standing_of(store: KnowledgeStore) -> KnowledgeStanding:
    """How a store stands; nothing that serves depends on it."""
    if store.name == OFF:
        return KnowledgeStanding(ok=True, detail="off (GENIE_MEMORY)")
    if not isinstance(store, SearchesByMeaning):
        return KnowledgeStanding(ok=True, detail=store.name)
    if not store.wants_vectors:
        return KnowledgeStanding(ok=True, detail=f"{store.name}, found by words; GENIE_EMBEDDING_MODEL adds meaning")
    try:
        why = await store.without_vectors()
    except KnowledgeUnavailable as error:
        return KnowledgeStanding(ok=False, detail=str(error))
    if why is not None:
        return KnowledgeStanding(ok=False, detail=f"{store.name}, found by words alone: {why}")
    return KnowledgeStanding(ok=True, detail=f"{store.name}, found by words and meaning")
