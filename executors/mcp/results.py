"""What a tool of an MCP server has said, as text for a model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from epics.agent_errors import McpServerBroken
from executors.mcp.wire import one_line
from tools.output import capped, sayable


@dataclass(frozen=True, kw_only=True)
class Said:
    """The result of a call."""

    text: str
    is_error: bool


def said_in(result: Any) -> Said:
    """Return what a result says, within what a model should be given.

    Raises:
        McpServerBroken: if it is no result of a tool.
    """
    content = result.get("content", []) if isinstance(result, dict) else None
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise McpServerBroken("it answered a call with what is no result of a tool")
    try:
        parts = list(_parts(content))
        if not parts and "structuredContent" in result:
            parts = [json.dumps(result["structuredContent"], ensure_ascii=False)]
    except RecursionError as exc:
        raise McpServerBroken("it answered a call with what is nested too deeply") from exc
    return Said(text=sayable(capped("\n".join(parts))), is_error=result.get("isError") is True)


def _parts(content: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for part in content:
        kind = part.get("type")
        if kind == "text":
            yield str(part.get("text", ""))
        elif kind == "resource" and isinstance(part.get("resource"), dict) and "text" in part["resource"]:
            yield f"{one_line(part['resource'].get('uri'))}:\n{part['resource']['text']}"
        elif kind == "resource_link":
            yield f"{one_line(part.get('name'))}: {one_line(part.get('uri'))}"
        else:
            size = len(str(part.get("data", "")))
            yield f"[{one_line(kind, 40) or 'something'} {one_line(part.get('mimeType'), 80)} of {size} characters left out]"
