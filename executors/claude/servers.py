"""The MCP servers that the CLI is handed: looked at first, with their secrets in, and each tool by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from executors.gateway.own_tools import OwnTools
from executors.mcp.opening import Servers, servers_for
from executors.mcp.settings import ServerSettings
from executors.port import Journal, Order
from tools.permitting import MCP

STARTED: Final = "mcp_server_started"


@dataclass(frozen=True, kw_only=True)
class Handed:
    """What the CLI is given."""

    entries: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What its configuration names; there are secrets in it."""
    tools: tuple[str, ...] = ()
    """What it may call of them without asking, by the CLI's names."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """How long the CLI is to wait for them."""


async def handed_over(order: Order, journal: Journal, own: OwnTools, url: str, token: str) -> Handed:
    """Return the servers of the workflow, and Genie's own tools at the gateway.

    Args:
        order: what is asked.
        journal: where it is noted what is wrong with a server.
        own: Genie's own tools.
        url: of the gateway, as the CLI sees it.
        token: of the attempt.

    Raises:
        Environment: if a server is missing that the workflow requires.
    """
    seen = await _seen(order, journal) if order.workflow.mcp_servers else Handed()
    return replace(seen, entries={**own.servers(url, token), **seen.entries}, tools=(*seen.tools, *own.names))


async def _seen(order: Order, journal: Journal) -> Handed:
    """Start each server that this host can reach, hold its tools against the list and the pins, end it, and return what is handed on.

    A server inside of a container is not reached from here: its tools are seen by nobody before the agent.
    """
    servers = order.servers or servers_for(order.workflow.mcp_servers, order.environment)
    servers.tree_is_there(order.tree)

    async def told(kind: str, data: Mapping[str, Any]) -> None:
        # Whether it comes up for the agent is the CLI's to say.
        if kind != STARTED:
            await journal.noted(kind, data)

    try:
        found = await servers.ready(told, order.workflow.tools)
    finally:
        await servers.close()
    ready = [each.server.settings for each in found]
    names = [f"{MCP}{each.server.name}__{tool.name}" for each in found for tool in each.tools]
    every = [*ready, *servers.elsewhere.values()]
    return Handed(
        entries={settings.name: _entry(settings) for settings in every},
        tools=(*names, *_unseen(servers, order.workflow.tools)),
        environment=_patience(every),
    )


def _patience(servers: list[ServerSettings]) -> dict[str, str]:
    """How long the CLI waits for the slowest of them to come up and to answer: it has one time for all."""
    if not servers:
        return {}
    start, call = max(each.start_s for each in servers), max(each.call_s for each in servers)
    return {"MCP_TIMEOUT": f"{start * 1_000:.0f}", "MCP_TOOL_TIMEOUT": f"{call * 1_000:.0f}"}


def _unseen(servers: Servers, listed: tuple[str, ...]) -> tuple[str, ...]:
    """The tools of servers that nobody has looked at: those that are listed, or a whole server of which none is."""
    rules: list[str] = []
    for name in servers.elsewhere:
        wanted = [tool for tool in listed if tool.startswith(f"{MCP}{name}__")]
        rules += wanted or [f"{MCP}{name}"]
    return tuple(rules)


def _entry(settings: ServerSettings) -> dict[str, Any]:
    """A server as the CLI's configuration has it."""
    if settings.is_remote:
        return {"type": "http", "url": settings.url, "headers": dict(settings.headers)}
    program, *arguments = settings.command
    return {"type": "stdio", "command": program, "args": arguments, "env": dict(settings.environment)}
