"""The MCP servers of one attempt: begun while its work tree is made, awaited when its agent begins, ended with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from epics.agent_errors import McpServerBroken
from epics.errors import Environment
from executors.mcp.definitions import McpTool
from executors.mcp.pins import Drift, Pins, Unpinned
from executors.mcp.server import McpServer, Told
from executors.mcp.settings import Knowledge, ServerSettings, filled
from tools.permitting import MCP, is_allowed

_NAMED: Final = 20


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A server that is up, and the tools of it that the agent is offered."""

    server: McpServer
    tools: tuple[McpTool, ...]


class Servers:
    """What a workflow names in its `.mcp.json`, for one attempt."""

    def __init__(
        self,
        entries: Mapping[str, Any],
        known: Knowledge,
        *,
        pins: Pins | None = None,
        environment: Mapping[str, str] | None = None,
        mark: str = "",
        elsewhere: Collection[str] = (),
    ) -> None:
        """Fill in the entries; nothing is started.

        Args:
            entries: as the workflow has them.
            known: what their references may name.
            pins: what is pinned of them; everything is taken as it is if not given.
            environment: what programs see beside their own variables.
            mark: who starts them.
            elsewhere: those that this host neither starts nor reaches: their tools are seen by nobody before the agent.
        """
        self._entries = entries
        self.elsewhere: dict[str, ServerSettings] = {}
        """Those that are left to the agent though nobody has seen their tools, by name."""
        self._pins = pins or Unpinned()
        self._servers: dict[str, McpServer] = {}
        self._problems: dict[str, str] = {}
        self._starting: dict[str, asyncio.Task[None]] = {}
        self._tree: asyncio.Future[Path] | None = None
        for name, entry in entries.items():
            try:
                settings = filled(name, entry, known)
                if name not in elsewhere:
                    self._servers[name] = McpServer(settings, environment=environment or {}, mark=mark)
                elif fault := _beyond_reach(settings):
                    self._problems[name] = fault
                else:
                    self.elsewhere[name] = settings
            except McpServerBroken as exc:
                self._problems[name] = str(exc)

    def begin(self) -> None:
        """Start the servers; those that need the work tree wait until it is there."""
        if self._tree is None:
            self._tree = asyncio.get_running_loop().create_future()
            self._starting = {name: asyncio.create_task(self._start(server, self._tree)) for name, server in self._servers.items()}

    def tree_is_there(self, tree: Path) -> None:
        """Let those begin that need the work tree; what is still put into it they find as they look."""
        self.begin()
        if self._tree is not None and not self._tree.done():
            self._tree.set_result(tree)

    async def ready(self, told: Told, listed: tuple[str, ...]) -> tuple[Ready, ...]:
        """Wait for the servers, and return those that can be used; what is wrong with the others is noted.

        Args:
            told: where events go.
            listed: the workflow's list of tools: only what it has is offered.

        Raises:
            Environment: if a server cannot be used that the workflow requires.
        """
        since = time.monotonic()
        found: list[Ready] = []
        for name in self._entries:
            if name in self.elsewhere:
                await told("mcp_server_unseen", {"server": name})
                continue
            problem = self._problems.get(name) or await self._outcome_of(name)
            server = self._servers.get(name)
            tools = () if problem or server is None else await self._accepted(server, told)
            if server is None or problem or tools is None:
                await self._missing(name, problem or "its tools are not those that were pinned", told, noted=bool(problem))
                continue
            # What a crash may cut off without harm (durability rule 16); the server's word is all there is.
            offered = tuple(tool for tool in tools if is_allowed(f"{MCP}{name}__{tool.name}", listed))
            facts = {
                "server": name,
                "tools": len(offered),
                "read_only": [f"{MCP}{name}__{tool.name}" for tool in offered if tool.read_only],
                "refused": [f"{tool}: {why}" for tool, why in list(server.refused.items())[:_NAMED]],
                "seconds": round(server.seconds, 3),
                "waited": round(time.monotonic() - since, 3),
            }
            await told("mcp_server_started", facts)
            server.tools = offered
            found.append(Ready(server=server, tools=offered))
        return tuple(found)

    async def close(self) -> None:
        """End all of them, also those that are still starting."""
        for task in self._starting.values():
            task.cancel()
        if self._tree is not None:
            self._tree.cancel()
        await asyncio.shield(self._closed())

    async def _closed(self) -> None:
        await asyncio.gather(*self._starting.values(), return_exceptions=True)
        await asyncio.gather(*(server.close() for server in self._servers.values()), return_exceptions=True)

    async def _start(self, server: McpServer, tree: asyncio.Future[Path]) -> None:
        await server.start(await asyncio.shield(tree) if server.settings.waits_for_tree else Path("/"))

    async def _outcome_of(self, name: str) -> str:
        try:
            await asyncio.shield(self._starting[name])
        except McpServerBroken as exc:
            return str(exc)
        return ""

    async def _accepted(self, server: McpServer, told: Told) -> tuple[McpTool, ...] | None:
        """The tools of a server that may be offered, given what is pinned of it; None if it may not be used at all."""
        drift = await self._pins.compare(server.name, server.settings.identity, server.tools)
        if drift.first:
            await told("mcp_pinned", {"server": server.name, "tools": len(server.tools)})
        if not (drift.changed or drift.added or drift.gone):
            return server.tools
        warned = server.settings.on_change == "warn"
        await told("mcp_tools_changed", {"server": server.name, **_named(drift), "used": warned or not drift.changed})
        if warned:
            return server.tools
        # What is new was accepted by nobody; the rest is what it was.
        return None if drift.changed else tuple(tool for tool in server.tools if tool.name not in drift.added)

    async def _missing(self, name: str, why: str, told: Told, *, noted: bool) -> None:
        required = bool(self._entries[name].get("required", False))
        if noted or required:
            await told("mcp_server_missing", {"server": name, "said": why[:300], "required": required})
        if required:
            raise Environment(f"the MCP server {name}, which the workflow requires, cannot be used: {why}; see `genie mcp check {name}`")


def _beyond_reach(settings: ServerSettings) -> str:
    """Why a server cannot be left to the agent unseen; empty if nothing is asked of it that only who sees it can hold it to."""
    if settings.on_change == "warn" and not settings.required:
        return ""
    wanted = "that it is required" if settings.required else '"on_change": "block"'
    then = 'say "on_change": "warn" and not "required", or give it a URL'
    return f"it starts inside of the agent's container, where nobody can see to {wanted}: {then}"


def _named(drift: Drift) -> dict[str, list[str]]:
    return {"changed": list(drift.changed[:_NAMED]), "added": list(drift.added[:_NAMED]), "gone": list(drift.gone[:_NAMED])}


def servers_for(entries: Mapping[str, Any], environment: Mapping[str, str]) -> Servers:
    """The servers of an order that brings none which were begun: their references may name what commands see, and no secret."""
    known = dict(environment)
    return Servers(entries, Knowledge(variables=known), environment=known)
