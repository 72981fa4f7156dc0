"""The rows of what was accepted of MCP servers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db.connection import Connection, Pool
from db.epics import Row, fetch_all
from db.queries import QUERIES
from db.storable import jsonb


@dataclass(frozen=True, kw_only=True)
class PinnedServer:
    """A server, for a project or, where that is empty, for all."""

    project: str
    identity: str
    server: str = ""
    """What `.mcp.json` calls it."""


async def mcp_pins_of(pool: Pool, project: str, identity: str) -> dict[str, str]:
    """The hashes of what is pinned of a server, by tool: the project's own, or those for all."""
    rows = await fetch_all(pool, "mcp_pins_of", {"project": project, "identity": identity})
    return {row["tool"]: row["hash"] for row in rows}


async def add_mcp_pins(connection: Connection, pinned: PinnedServer, tools: Sequence[dict[str, Any]], by: str) -> None:
    """Pin tools ({tool, hash, about, schema}) of which nothing is pinned yet, in the transaction at hand."""
    values = {"project": pinned.project, "identity": pinned.identity, "server": pinned.server, "by": by, "tools": jsonb(list(tools))}
    await connection.execute(QUERIES["add_mcp_pins"], values)


async def drop_mcp_pins(connection: Connection, pinned: PinnedServer) -> int:
    """Forget what is pinned of a server, known by its identity or, without one, by its name; return how many tools that were."""
    if pinned.identity:
        cursor = await connection.execute(QUERIES["drop_mcp_pins"], {"project": pinned.project, "identity": pinned.identity})
    else:
        cursor = await connection.execute(QUERIES["drop_mcp_pins_by_name"], {"project": pinned.project, "server": pinned.server})
    return len(await cursor.fetchall())


async def list_mcp_pins(pool: Pool, project: str | None) -> list[Row]:
    """What is pinned, for a project and for all, or for every project."""
    return await fetch_all(pool, "list_mcp_pins", {"project": project})
