"""What faces do with MCP servers: see what workflows name, try it, and say which tools are accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from db.audit import audited
from db.failures import foreseen
from db.identity import database_id
from db.mcp_pins import PinnedServer, add_mcp_pins, drop_mcp_pins, list_mcp_pins
from engine.assembling import Installation
from engine.mcp.pins import SeenPins, as_pinned
from engine.mcp.secrets import mcp_secrets, withheld_from
from engine.mcp.views import McpServerView, McpToolView, PinView
from epics.agent_errors import McpServerBroken
from epics.callers import current_caller
from epics.errors import NotFound
from executors.mcp.marks import mark_of
from executors.mcp.pins import Drift
from executors.mcp.server import McpServer
from executors.mcp.settings import Knowledge, filled, identity_of, secrets_named
from tools.permitting import MCP, is_allowed

_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class NamedServer:
    """A server as a workflow or an agent names it."""

    workflow: str
    name: str
    entry: Mapping[str, Any] = field(repr=False)
    tools: tuple[str, ...] = ()
    """What the workflow lists."""
    is_of_repository: bool = False
    """Whether the repository that is asked about names it itself."""

    def view(self) -> McpServerView:
        """The server, not tried."""
        return McpServerView(
            workflow=self.workflow,
            name=self.name,
            kind="http" if "url" in self.entry else "stdio",
            where=identity_of(self.entry),
            required=bool(self.entry.get("required", False)),
            on_change=self.entry.get("on_change", "block"),
            secrets=secrets_named([self.entry]),
        )


class McpServers:
    """The MCP servers of workflows, as this host and this database see them."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open database."""
        self._installation = installation
        self._pool = installation.database.pool

    async def check(self, servers: Sequence[NamedServer], project: str, tree: Path) -> tuple[McpServerView, ...]:
        """Start each server, list its tools, hold them against the list of the workflow and the pins, and end it.

        Args:
            servers: what is tried.
            project: the repository whose pins hold; empty for those that hold for all.
            tree: where programs are started.
        """
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(named: NamedServer) -> McpServerView:
            async with turns:
                return await self._tried(named, project, tree)

        return tuple(await asyncio.gather(*(one(each) for each in servers)))

    async def pins(self, project: str | None) -> tuple[PinView, ...]:
        """What is pinned for a project and for all, or for every project."""
        return tuple(PinView.model_validate(row) for row in await list_mcp_pins(self._pool, project))

    async def pin(self, servers: Sequence[NamedServer], project: str, tree: Path) -> tuple[PinView, ...]:
        """Accept what servers list now, in place of what was accepted of them.

        Raises:
            McpServerBroken: if one does not come up; nothing is changed of it.
        """
        for named in servers:
            server = await self._made(named, project)
            try:
                await server.start(tree)
            finally:
                await server.close()
            of = PinnedServer(project=project, identity=server.settings.identity, server=named.name)
            with foreseen():
                async with self._pool.connection() as connection, connection.transaction():
                    await drop_mcp_pins(connection, of)
                    await add_mcp_pins(connection, of, [as_pinned(tool) for tool in server.tools], current_caller().person)
                    await audited(connection, "pin", kind="mcp", subject=named.name, repo=project, data={"tools": len(server.tools)})
        names = {each.name for each in servers}
        return tuple(pin for pin in await self.pins(project) if pin.server in names and pin.project == project)

    async def unpin(self, name: str, project: str) -> int:
        """Forget what is accepted of a server: its next use accepts what it lists then.

        Raises:
            NotFound: if nothing is pinned of it.
        """
        with foreseen():
            async with self._pool.connection() as connection, connection.transaction():
                dropped = await drop_mcp_pins(connection, PinnedServer(project=project, identity="", server=name))
                if not dropped:
                    raise NotFound(f"nothing is pinned of an MCP server {name[:80]!r}: see `genie mcp pins`")
                await audited(connection, "unpin", kind="mcp", subject=name, repo=project, data={"tools": dropped})
        return dropped

    async def _made(self, named: NamedServer, project: str) -> McpServer:
        installation, names = self._installation, secrets_named([named.entry])
        withheld = withheld_from(project, names, installation.mcp_allowances) if named.is_of_repository else frozenset[str]()
        secrets = await mcp_secrets(self._pool, set(names) - withheld)
        known = Knowledge(variables={**installation.environment, **installation.mcp_variables}, secrets=secrets, withheld=withheld)
        mark = mark_of(await database_id(self._pool))
        return McpServer(filled(named.name, named.entry, known), environment=installation.environment, mark=mark)

    async def _tried(self, named: NamedServer, project: str, tree: Path) -> McpServerView:
        try:
            server = await self._made(named, project)
            try:
                await server.start(tree)
            finally:
                await server.close()
        except McpServerBroken as exc:
            return named.view().model_copy(update={"problem": str(exc)})
        drift = await SeenPins(self._pool, project).compare(named.name, server.settings.identity, server.tools)
        problem = f"its tools are not those that were pinned: {', '.join(drift.changed)}" if drift.changed else ""
        return named.view().model_copy(
            update={
                "problem": problem,
                "seconds": round(server.seconds, 3),
                "tools": (*_tools(named, server, drift), *_refused(named, server)),
                "gone": drift.gone,
            }
        )


def _tools(named: NamedServer, server: McpServer, drift: Drift) -> Iterable[McpToolView]:
    for tool in server.tools:
        pin: Literal["same", "new", "changed", "unpinned"] = "unpinned" if drift.first else "same"
        pin = "changed" if tool.name in drift.changed else "new" if tool.name in drift.added else pin
        full = f"{MCP}{named.name}__{tool.name}"
        yield McpToolView(name=full, about=tool.about, read_only=tool.read_only, allowed=is_allowed(full, named.tools), pin=pin, problem="")


def _refused(named: NamedServer, server: McpServer) -> Iterable[McpToolView]:
    for name, why in server.refused.items():
        full = f"{MCP}{named.name}__{name}"
        yield McpToolView(name=full, about="", read_only=False, allowed=False, pin="refused", problem=why)
