"""One MCP server at work: started, asked for its tools, called, started again when it dies, and withdrawn when it changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from epics.agent_errors import McpServerBroken, McpToolChanged
from executors.mcp.definitions import McpTool, judged
from executors.mcp.marks import MARK
from executors.mcp.results import Said, said_in
from executors.mcp.settings import ServerSettings
from executors.mcp.stdio import StdioConnection
from executors.mcp.wire import PROTOCOL, SPOKEN, CallRefused, Connection, one_line
from safety.secrets import Redactor

_MOST_PAGES: Final = 20
_FRESH_S: Final = 60.0
"""How long a list of tools is believed: a server at a URL may change without a word."""

Told = Callable[[str, Mapping[str, Any]], Awaitable[None]]
"""Where events go."""


class McpServer:
    """A server of one attempt. Its tools are those that it listed at its start, whatever it lists later."""

    def __init__(self, settings: ServerSettings, *, environment: Mapping[str, str], mark: str = "") -> None:
        """Bind to settings; nothing is started.

        Args:
            settings: with its secrets.
            environment: what a program sees beside its own variables.
            mark: who starts it, for whoever finds what is left of it.
        """
        self.settings = settings
        self.tools: tuple[McpTool, ...] = ()
        self.refused: Mapping[str, str] = {}
        self.seconds = 0.0
        """How long it took to start and to list its tools."""
        self._environment = {**environment, **settings.environment, **({MARK: mark} if mark else {})}
        self._redactor = Redactor(settings.secrets)
        self._connection: Connection | None = None
        self._tree = Path()
        self._starts = 0
        self._withdrawn = ""
        self._lost = False
        self._listed_at = 0.0
        self._lock = asyncio.Lock()

    @property
    def name(self) -> str:
        """What `.mcp.json` calls it."""
        return self.settings.name

    async def start(self, tree: Path) -> None:
        """Start it, in its work tree where it needs one, and list its tools.

        Raises:
            McpServerBroken: if it does not come up, in its time.
        """
        self._tree = tree
        began = time.monotonic()
        self.tools, self.refused = await self._up()
        self.seconds = time.monotonic() - began

    async def call(self, tool: str, given: Mapping[str, Any], told: Told) -> Said:
        """Call a tool; a server that has died since is started again first.

        Raises:
            CallRefused: if the server refuses.
            McpServerBroken: if it does not answer; whether the call did something is not known then.
            McpToolChanged: if its tools are not those any more that the agent was told of.
        """
        async with self._lock:
            connection = await self._ready(told)
        try:
            result = await connection.request("tools/call", {"name": tool, "arguments": dict(given)}, seconds=self.settings.call_s)
        except CallRefused as exc:
            raise CallRefused(self.clean(str(exc))) from exc
        except McpServerBroken as exc:
            raise McpServerBroken(self.clean(str(exc))) from exc
        said = said_in(result)
        return Said(text=self.clean(said.text), is_error=said.is_error)

    async def close(self) -> None:
        """End it; more than once does no harm."""
        connection, self._connection = self._connection, None
        self._starts = self.settings.restarts + 1
        if connection is not None:
            await connection.close()

    def clean(self, text: str) -> str:
        """What it says, without the secrets that it was given."""
        return self._redactor.text(text) if self.settings.secrets else text

    def _cleaned(self, tool: McpTool) -> McpTool:
        """What it says of a tool, which the model, the pins and people read, without the secrets that it was given."""
        if not self.settings.secrets:
            return tool
        return replace(tool, about=self.clean(tool.about), schema=self._redactor.json(tool.schema))

    async def _up(self) -> tuple[tuple[McpTool, ...], dict[str, str]]:
        self._starts += 1
        try:
            until = time.monotonic() + self.settings.start_s
            connection = self._connection = await self._connected()
            await self._greet(connection, max(until - time.monotonic(), 0.001))
        except (McpServerBroken, CallRefused) as exc:
            await self._let_go()
            raise McpServerBroken(self.clean(str(exc))) from exc
        try:
            return await self._list(connection)
        except (McpServerBroken, CallRefused) as exc:
            await self._let_go()
            raise McpServerBroken(f"it does not list its tools: {self.clean(str(exc))}") from exc

    async def _connected(self) -> Connection:
        settings = self.settings
        if settings.is_remote:
            from executors.mcp.http import HttpConnection  # noqa: PLC0415  # its library is only for servers at a URL

            return HttpConnection(settings.url, settings.headers)
        return await StdioConnection.open(settings.command, env=self._environment, cwd=self._tree / settings.cwd)

    async def _greet(self, connection: Connection, seconds: float) -> None:
        us = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": {"name": "genie", "version": "1"}}
        hello = await connection.request("initialize", us, seconds=seconds)
        version = hello.get("protocolVersion") if isinstance(hello, dict) else None
        if version not in SPOKEN:
            raise McpServerBroken(f"it speaks the version {one_line(version, 40)!r} of the protocol; we speak {', '.join(sorted(SPOKEN))}")
        await connection.notify("notifications/initialized")

    async def _list(self, connection: Connection) -> tuple[tuple[McpTool, ...], dict[str, str]]:
        connection.tools_changed = False
        listed: list[Any] = []
        params: dict[str, Any] = {}
        until = time.monotonic() + self.settings.list_s
        for _ in range(_MOST_PAGES):
            page = await connection.request("tools/list", params, seconds=max(until - time.monotonic(), 0.001))
            if not isinstance(page, dict) or not isinstance(page.get("tools"), list):
                raise McpServerBroken("it answered with no list of tools")
            listed += page["tools"]
            if not isinstance(page.get("nextCursor"), str) or not page["nextCursor"]:
                self._listed_at = time.monotonic()
                tools, refused = judged(listed)
                return tuple(map(self._cleaned, tools)), {self.clean(name): self.clean(why) for name, why in refused.items()}
            params = {"cursor": page["nextCursor"]}
        raise McpServerBroken(f"its list of tools has more than {_MOST_PAGES} pages")

    async def _ready(self, told: Told) -> Connection:
        """The connection on which the tools that the agent was told of can be called."""
        if self._connection is None or self._connection.ended:
            await self._start_again(told)
        elif self._connection.tools_changed or time.monotonic() - self._listed_at > _FRESH_S:
            try:
                listed, _ = await self._list(self._connection)
            except CallRefused as exc:
                raise McpServerBroken(f"it does not list its tools: {self.clean(str(exc))}") from exc
            await self._hold_to_word(listed, told)
        if self._withdrawn:
            raise McpToolChanged(self._withdrawn)
        if self._connection is None:
            raise McpServerBroken("it was ended")
        return self._connection

    async def _start_again(self, told: Told) -> None:
        why = self.clean(self._connection.ended) if self._connection is not None else "it did not come up"
        if self._starts > self.settings.restarts:
            if not self._lost:
                self._lost = True
                await told("mcp_server_lost", {"server": self.name, "said": why, "starts": self._starts})
            raise McpServerBroken(f"{why}; it is not started again, after {self._starts} starts")
        await self._let_go()
        listed, _ = await self._up()
        await told("mcp_server_restarted", {"server": self.name, "said": why, "starts": self._starts})
        await self._hold_to_word(listed, told)

    async def _hold_to_word(self, listed: tuple[McpTool, ...], told: Told) -> None:
        """See that the tools which the agent was told of are what they were; what is new is not for this agent."""
        now = {tool.name: tool.hash for tool in listed}
        changed = [tool.name for tool in self.tools if now.get(tool.name, tool.hash) != tool.hash]
        gone = [tool.name for tool in self.tools if tool.name not in now]
        if not changed and not gone:
            return
        used = self.settings.on_change == "warn"
        await told("mcp_tools_changed", {"server": self.name, "changed": changed, "added": [], "gone": gone, "used": used, "running": True})
        if not used:
            names = ", ".join((changed + gone)[:5])
            self._withdrawn = f"the MCP server {self.name} has changed its tools ({names}) while the agent worked, and is not used any more"

    async def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.shield(connection.close())
