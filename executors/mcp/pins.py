"""The port to what was pinned of MCP servers: their tools as a person, or the first use, accepted them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from executors.mcp.definitions import McpTool


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How what a server lists differs from what is pinned of it, by names of tools."""

    first: bool = False
    """Whether nothing was pinned, and now all of it is."""
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


class Pins(Protocol):
    """What is pinned for one project."""

    async def compare(self, server: str, identity: str, tools: Sequence[McpTool]) -> Drift:
        """Hold what a server lists against what is pinned of it; the first time, pin it.

        Raises:
            LeaseLost: if another worker took the epic over.
            StoreUnavailable: if the database does not answer.
        """
        ...


class Unpinned:
    """Takes every server as it is."""

    async def compare(self, server: str, identity: str, tools: Sequence[McpTool]) -> Drift:
        """See no difference."""
        del server, identity, tools
        return Drift()


def drift_of(pinned: dict[str, str], tools: Sequence[McpTool]) -> Drift:
    """Return how tools differ from pins, given as hashes by name of the tool."""
    now = {tool.name: tool.hash for tool in tools}
    return Drift(
        first=not pinned and bool(now),
        changed=tuple(name for name in now if name in pinned and pinned[name] != now[name]),
        added=tuple(name for name in now if name not in pinned) if pinned else (),
        gone=tuple(name for name in pinned if name not in now),
    )
