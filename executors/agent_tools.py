"""Genie's tools as pydantic-ai wants them, and what is noted of each call."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from pydantic_ai import RunContext, Tool
from pydantic_ai.exceptions import ToolFailed

from executors.ledger import Ledger
from executors.noted_calls import noted_call
from executors.port import Notes
from executors.reaching import call_id
from tools.context import ToolContext
from tools.declaring import AgentTool
from tools.registry import ToolRegistry
from tools.workspace import ToolProblem


@dataclass(frozen=True)
class Calls:
    """Whose calls they are, and where they are noted."""

    epic: str
    attempt: int
    journal: Notes
    ledger: Ledger


def agent_tools(registry: ToolRegistry, allowed: tuple[str, ...], context: ToolContext, calls: Calls) -> list[Tool[None]]:
    """Return the tools that an agent may use, each of which notes its calls and runs alone.

    Raises:
        InvalidInput: if a tool is listed that does not exist.
    """
    return [_as_tool(tool, registry, allowed, context, calls) for tool in registry.select(allowed)]


def _as_tool(tool: AgentTool, registry: ToolRegistry, allowed: tuple[str, ...], context: ToolContext, calls: Calls) -> Tool[None]:
    async def call(run: RunContext[None], **given: Any) -> str:
        ledger, started = calls.ledger, time.monotonic()
        ledger.changed = ledger.changed or tool.changes_files
        made = replace(context, call_id=call_id(calls.epic, calls.attempt, ledger.turns, run.tool_call_id or ""))

        async def noted(said: str, *, failed: bool) -> None:
            seconds = time.monotonic() - started
            told = noted_call(tool.name, given, ledger.turns, seconds, said if failed else "", said=said, again=ledger.turns == ledger.cut)
            await calls.journal.noted("tool_called", told)

        try:
            said = await registry.call(tool.name, given, context=made, allowed=allowed)
        except ToolProblem as exc:
            await noted(str(exc), failed=True)
            raise ToolFailed(str(exc)) from exc
        await noted(said, failed=False)
        return said

    return Tool.from_schema(call, tool.name, tool.description, tool.schema(), takes_ctx=True, sequential=True)
