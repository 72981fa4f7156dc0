"""The MCP servers of a workflow: started for one run, their tools named `mcp__<server>__<tool>`.

The libraries take long to import: this module is only imported for workflows that name a server.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import httpx2
from fastmcp.client.transports import StdioTransport
from fastmcp.exceptions import FastMCPError
from mcp.shared.exceptions import MCPError
from pydantic_ai import RunContext
from pydantic_ai.exceptions import AgentRunError, ModelRetry, ToolFailed
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import AbstractToolset

from executors.ledger import Ledger
from executors.noted_calls import noted_call
from executors.port import Journal, Order
from tools.output import CAP, capped

START_SECONDS = 30.0
PREFIX = "mcp__"

_DOES_NOT_COME_UP = (OSError, RuntimeError, TimeoutError, ValueError, AgentRunError, FastMCPError, MCPError, httpx2.HTTPError)


async def open_mcp_servers(
    order: Order, journal: Journal, ledger: Ledger, stack: AsyncExitStack, *, start_s: float = START_SECONDS
) -> list[AbstractToolset[None]]:
    """Start the servers that the workflow names, until `stack` is closed, and return their tools.

    One that does not come up is noted, and the run goes on without it. If the workflow's list of tools names tools of a server
    (`mcp__server__*` too), only those are offered. What a foreign tool does is not known, so each call counts as a change of the tree.
    """
    opened: list[AbstractToolset[None]] = []
    for name, settings in order.workflow.mcp_servers.items():
        toolset = _toolset(name, settings, order, journal, ledger)
        try:
            async with asyncio.timeout(start_s):
                await stack.enter_async_context(toolset)
                listed = await toolset.list_tools()
        except _DOES_NOT_COME_UP as exc:
            await journal.noted("mcp_server_missing", {"server": name, "said": str(exc)[:300] or type(exc).__name__})
            continue
        # What a crash may cut off without harm (durability rule 16); the server's word is all there is.
        looking = [f"{PREFIX}{name}__{tool.name}" for tool in listed if tool.annotations and tool.annotations.read_only_hint]
        await journal.noted("mcp_server_started", {"server": name, "tools": len(listed), "read_only": looking})
        opened.append(_allowed(toolset.prefixed(f"{PREFIX}{name}_"), name, order.workflow.tools))
    return opened


def _toolset(name: str, settings: Mapping[str, Any], order: Order, journal: Journal, ledger: Ledger) -> Any:
    async def noting(ctx: RunContext[Any], call: Any, tool: str, given: dict[str, Any]) -> Any:
        del ctx
        ledger.changed = True
        started, problem = time.monotonic(), ""
        try:
            return _capped(await call(tool, given))
        except (ToolFailed, ModelRetry) as exc:
            problem = exc.message
            raise ToolFailed(problem) from exc
        except _DOES_NOT_COME_UP as exc:
            problem = f"the MCP server {name} did not answer: {str(exc)[:300] or type(exc).__name__}"
            raise ToolFailed(problem) from exc
        finally:
            called = noted_call(f"{PREFIX}{name}__{tool}", given, ledger.turns, time.monotonic() - started, problem)
            await journal.noted("tool_called", called)

    common: dict[str, Any] = {"id": name, "tool_error_behavior": "failed", "process_tool_call": noting}
    if "url" in settings:
        return MCPToolset(str(settings["url"]), headers=dict(settings.get("headers", {})), **common)
    environment = {**order.environment, **settings.get("env", {})}
    transport = StdioTransport(
        str(settings["command"]),
        list(settings.get("args", [])),
        env=environment,
        cwd=str(order.tree),
        keep_alive=False,
        log_file=Path("/dev/null"),
    )
    return MCPToolset(transport, **common)


def _capped(result: Any) -> Any:
    """Keep what a server says within what a model should be given, in the form it came in where it is short."""
    text = result if isinstance(result, str) else json.dumps(result, default=str, ensure_ascii=False)
    return result if len(text) <= CAP else capped(text)


def _allowed(toolset: AbstractToolset[None], server: str, listed: tuple[str, ...]) -> AbstractToolset[None]:
    wanted = tuple(name for name in listed if name.startswith(f"{PREFIX}{server}__"))
    if not wanted:
        return toolset

    def fits(ctx: RunContext[None], tool: ToolDefinition) -> bool:
        del ctx
        return any(fnmatchcase(tool.name, name) for name in wanted)

    return toolset.filtered(fits)
