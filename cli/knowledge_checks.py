"""What `genie doctor` says of knowledge: where it is kept, and whether it is found by meaning too."""

from __future__ import annotations

from cli.check import Check
from cli.database import open_dsn
from config.settings import Settings
from db.connection import open_pool
from engine.bootstrap import open_knowledge
from engine.knowledge.standing import standing_of
from epics.errors import GenieError


async def knowledge_check(settings: Settings) -> Check:
    """Whether knowledge is kept and found as the settings want it; Genie works without."""
    try:
        async with open_dsn(settings) as dsn, open_pool(dsn) as pool:
            standing = await standing_of(open_knowledge(settings, pool))
    except GenieError as error:
        return Check(
            name="knowledge", state="failed", seen=str(error), way_out="correct GENIE_MEMORY and what belongs to it: docs/memory.md"
        )
    if standing.ok:
        return Check(name="knowledge", state="ok", seen=standing.detail)
    way = "let an admin of the database say CREATE EXTENSION vector (0.7 or later), or unset GENIE_EMBEDDING_MODEL"
    return Check(name="knowledge", state="note", seen=standing.detail, way_out=way)
