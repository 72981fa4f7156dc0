"""A real graph database for tests: Kuzu, in a folder of this process's own, opened once."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from memory.port import KnowledgeStore
from tests.fakes.embedding import HashingEmbedder

_opened: dict[str, Any] = {}


@asynccontextmanager
async def graph_store(database_url: str) -> AsyncGenerator[KnowledgeStore]:
    """A store in it; the database of Genie's own is not used."""
    del database_url
    with warnings.catch_warnings():
        # Its classes are written for an older pydantic. It takes seconds to import: only tests that need it pay.
        warnings.filterwarnings("ignore", "Support for class-based `config`", DeprecationWarning)
        from memory.graphiti.store import GraphitiStore

    yield GraphitiStore(_kuzu, HashingEmbedder())


async def _kuzu() -> Any:
    """The database of this process: no other can open it, and opening takes most of a second."""
    from memory.graphiti.databases import open_driver

    if "kuzu" not in _opened:
        folder = Path(tempfile.mkdtemp(prefix="genie-kuzu-"))
        _opened["kuzu"] = await open_driver(f"kuzu://{folder / 'graph'}")
    return _opened["kuzu"]
