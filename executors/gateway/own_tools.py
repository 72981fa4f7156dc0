"""Genie's own tools for a CLI, which reaches the worker and nothing else: those that its workflow lists and that the CLI does not have.

They act with the ports of their order alone, so that an attempt reaches the knowledge of its own project and of no other.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from epics.errors import LeaseLost, StoreUnavailable
from executors.port import Order
from executors.reaching import call_id, context_of, tools_of
from executors.tool_names import CLI_NAMES, MCP_TOOL, OWN_SERVER
from tools.declaring import AgentTool
from tools.registry import ToolRegistry
from tools.workspace import ToolProblem

PATH: Final = "/mcp"

AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


class OwnTools:
    """The tools of one attempt, called by name."""

    def __init__(self, order: Order, registry: ToolRegistry) -> None:
        """Take from a registry what the order's workflow lists."""
        there, listed = tools_of(order, registry)
        names = [name for name in listed if name in there.names and name not in CLI_NAMES]
        # A server of the workflow's own has the name first: what its author wrote is what its author gets.
        self.offered: tuple[AgentTool, ...] = () if OWN_SERVER in order.workflow.mcp_servers else there.select(names)
        self._order = order
        self._registry = there
        self._app: AsgiApp | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What the CLI calls them."""
        return tuple(f"{MCP_TOOL}{OWN_SERVER}__{tool.name}" for tool in self.offered)

    def servers(self, url: str, token: str) -> Mapping[str, Any]:
        """The entry of an MCP configuration by which the CLI finds them; empty if there are none."""
        if not self.offered:
            return {}
        return {OWN_SERVER: {"type": "http", "url": f"{url}{PATH}", "headers": {"Authorization": f"Bearer {token}"}}}

    async def call(self, name: str, given: Mapping[str, Any], call: str | None) -> str:
        """Run a tool.

        Args:
            name: Genie's name of it.
            given: its arguments.
            call: the CLI's id of the call, the same when it is made again after a crash; None where the CLI does not tell.

        Raises:
            ToolProblem: in words that the model can act on.
            LeaseLost: if another worker took the epic over.
            StoreUnavailable: if the database did not answer.
        """
        order = self._order
        # Without an id, the same call again is taken for the one that was made before the crash.
        known = call or hashlib.sha256(json.dumps([name, given], sort_keys=True).encode()).hexdigest()
        context = replace(context_of(order), call_id=call_id(order.epic, order.attempt, 0, known))
        return await self._registry.call(name, given, context=context, allowed=[tool.name for tool in self.offered])

    async def answer(self, scope: Any, receive: Any, send: Any, *, broken: Callable[[Exception], None]) -> None:
        """Answer one request of the CLI.

        Args:
            scope: as ASGI has it.
            receive: as above.
            send: as above.
            broken: told of what ends the attempt, where a tool meets it.
        """
        if self._app is None:
            # In a thread: the protocol's library takes a second to import, and other attempts run on this loop.
            self._app = await asyncio.to_thread(_speaking, self, broken)
        await self._app(scope, receive, send)


def _speaking(tools: OwnTools, broken: Callable[[Exception], None]) -> AsgiApp:
    from executors.gateway.speaking_mcp import speaking  # noqa: PLC0415  # as told above

    async def called(name: str, given: Mapping[str, Any], call: str | None) -> str:
        try:
            return await tools.call(name, given, call)
        except (LeaseLost, StoreUnavailable) as exc:
            broken(exc)
            raise ToolProblem("the attempt cannot go on: its worker has lost it, or the database does not answer") from exc

    return speaking(tools.offered, called)
