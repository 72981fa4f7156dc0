"""Pins of MCP servers in the database, as attempts meet them and as people set them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from db.connection import Pool
from db.fence import fenced
from db.leases import Lease
from db.mcp_pins import PinnedServer, add_mcp_pins, mcp_pins_of
from executors.mcp.definitions import McpTool
from executors.mcp.pins import Drift, drift_of

FIRST_USE: Final = "first use"


class AttemptPins:
    """What is pinned for the project of one epic or run; implements `executors.mcp.pins.Pins`."""

    def __init__(self, pool: Pool, lease: Lease, project: str) -> None:
        """Bind to a lease: who has lost it pins nothing."""
        self._pool = pool
        self._lease = lease
        self._project = project

    async def compare(self, server: str, identity: str, tools: Sequence[McpTool]) -> Drift:
        """Hold what a server lists against what is pinned of it; the first time, pin it."""
        pinned = await mcp_pins_of(self._pool, self._project, identity)
        drift = drift_of(pinned, tools)
        if not drift.first:
            return drift
        async with fenced(self._pool, self._lease) as connection:
            of = PinnedServer(project=self._project, identity=identity, server=server)
            await add_mcp_pins(connection, of, [as_pinned(tool) for tool in tools], FIRST_USE)
        # Another attempt may have been the first meanwhile, and have seen others.
        now = drift_of(await mcp_pins_of(self._pool, self._project, identity), tools)
        return now if now.changed or now.added or now.gone else drift


class SeenPins:
    """What is pinned, looked at and left as it is; implements `executors.mcp.pins.Pins`."""

    def __init__(self, pool: Pool, project: str) -> None:
        """Bind to a project; empty for what holds for all."""
        self._pool = pool
        self._project = project

    async def compare(self, server: str, identity: str, tools: Sequence[McpTool]) -> Drift:
        """Hold what a server lists against what is pinned of it."""
        del server
        return drift_of(await mcp_pins_of(self._pool, self._project, identity), tools)


def as_pinned(tool: McpTool) -> dict[str, Any]:
    """A tool as its row keeps it."""
    return {"tool": tool.name, "hash": tool.hash, "about": tool.about, "schema": dict(tool.schema)}
