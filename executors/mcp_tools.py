"""The tools of MCP servers as pydantic-ai wants them, named `mcp__<server>__<tool>`, and what is noted of each call."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from typing import Any, Final

from pydantic_ai import RunContext
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool
from pydantic_ai.toolsets.external import TOOL_SCHEMA_VALIDATOR

from epics.agent_errors import McpServerBroken, McpToolChanged
from executors.ledger import Ledger
from executors.mcp.opening import Ready, servers_for
from executors.mcp.wire import CallRefused
from executors.noted_calls import noted_call
from executors.port import Journal, Order
from tools.permitting import MCP, check_allowed
from tools.workspace import ToolProblem

_RETRIES: Final = 5


async def open_mcp_servers(order: Order, journal: Journal, ledger: Ledger, stack: AsyncExitStack) -> list[AbstractToolset[None]]:
    """Wait for the servers that the workflow names, until `stack` is closed, and return their tools.

    One that does not come up is noted, and the run goes on without it unless the workflow requires it.

    Raises:
        Environment: if a server is missing that the workflow requires.
    """
    servers = order.servers or servers_for(order.workflow.mcp_servers, order.environment)
    stack.push_async_callback(servers.close)
    servers.tree_is_there(order.tree)
    found = await servers.ready(journal.noted, order.workflow.tools)
    return [McpTools(ready, order.workflow.tools, journal, ledger) for ready in found if ready.tools]


class McpTools(AbstractToolset[None]):
    """The tools of one server, as they were at the start of the run."""

    def __init__(self, ready: Ready, listed: tuple[str, ...], journal: Journal, ledger: Ledger) -> None:
        """Bind to a server that is up."""
        self._server = ready.server
        self._tools = {f"{MCP}{ready.server.name}__{tool.name}": tool for tool in ready.tools}
        self._listed = listed
        self._journal = journal
        self._ledger = ledger

    @property
    def id(self) -> str:
        """What pydantic-ai tells it by."""
        return f"{MCP}{self._server.name}"

    async def get_tools(self, ctx: RunContext[None]) -> dict[str, ToolsetTool[None]]:
        """The tools that the model is told of."""
        del ctx
        return {
            name: ToolsetTool[None](
                toolset=self,
                tool_def=ToolDefinition(name=name, description=tool.about, parameters_json_schema=dict(tool.schema)),
                max_retries=_RETRIES,
                args_validator=TOOL_SCHEMA_VALIDATOR,
            )
            for name, tool in self._tools.items()
        }

    async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: RunContext[None], tool: ToolsetTool[None]) -> str:
        """Call a tool, and tell the model what went wrong if something did."""
        del ctx, tool
        # What a foreign tool does is not known, so each call counts as a change of the tree.
        self._ledger.changed = True
        began, said, problem = time.monotonic(), "", ""
        try:
            said = await self._said(name, tool_args)
        except (CallRefused, McpToolChanged, ToolProblem) as exc:
            problem = str(exc)
            raise ToolFailed(problem) from exc
        except McpServerBroken as exc:
            problem = f"the MCP server {self._server.name} failed: {exc}"
            raise ToolFailed(problem) from exc
        finally:
            turn, again = self._ledger.turns, self._ledger.turns == self._ledger.cut
            called = noted_call(name, tool_args, turn, time.monotonic() - began, problem, said=said or problem, again=again)
            await self._journal.noted("tool_called", called)
        return said

    async def _said(self, name: str, given: dict[str, Any]) -> str:
        check_allowed(name, self._listed, known=name in self._tools)
        said = await self._server.call(self._tools[name].name, given, self._journal.noted)
        if said.is_error:
            raise CallRefused(said.text or "it failed, and said nothing")
        return said.text
