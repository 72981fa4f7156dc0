"""Genie's tools as pydantic-ai wants them, and what is noted of each call."""

from __future__ import annotations

import time
from typing import Any

from pydantic_ai import Tool
from pydantic_ai.exceptions import ToolFailed

from executors.ledger import Ledger
from executors.noted_calls import noted_call
from executors.port import Journal
from tools.registry import AgentTool, ToolRegistry
from tools.workspace import ToolProblem, Workspace


def agent_tools(
    registry: ToolRegistry, allowed: tuple[str, ...], workspace: Workspace, journal: Journal, ledger: Ledger
) -> list[Tool[None]]:
    """Return the tools that a workflow may use, each of which notes its calls and runs alone.

    Raises:
        InvalidInput: if the workflow lists a tool that does not exist.
    """
    return [_as_tool(tool, registry, allowed, workspace, journal, ledger) for tool in registry.select(allowed)]


def _as_tool(
    tool: AgentTool, registry: ToolRegistry, allowed: tuple[str, ...], workspace: Workspace, journal: Journal, ledger: Ledger
) -> Tool[None]:
    async def call(**given: Any) -> str:
        started = time.monotonic()
        if tool.changes_files:
            ledger.changed = True
        try:
            said = await registry.call(tool.name, given, workspace=workspace, allowed=allowed)
        except ToolProblem as exc:
            await journal.noted("tool_called", noted_call(tool.name, given, ledger.turns, time.monotonic() - started, problem=str(exc)))
            raise ToolFailed(str(exc)) from exc
        await journal.noted("tool_called", noted_call(tool.name, given, ledger.turns, time.monotonic() - started))
        return said

    return Tool.from_schema(call, tool.name, tool.description, tool.schema(), sequential=True)
