"""The events of Claude Code agents, as lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cli.event_line import Data, Line, number, word
from cli.mcp_events import MCP_LINES


def _agent_started(data: Data) -> Line:
    return Line(mark="·", text=f"Claude Code {word(data, 'version')} began", aside=word(data, "model"), deep=True)


def _agent_adopted(data: Data) -> Line:
    del data
    return Line(mark="⟲", text="the agent is still at work: this worker goes on with it", style="yellow", deep=True)


def _agent_retry(data: Data) -> Line:
    status = word(data, "status")
    said = f"the agent asks again{f' (status {status})' if status else ''}, try {word(data, 'try')}, in {number(data, 'seconds'):.1f} s"
    return Line(mark="↻", text=said, style="yellow", aside=word(data, "said"), deep=True)


def _permission_denied(data: Data) -> Line:
    return Line(mark="✗", text=f"{word(data, 'tool')} was denied", style="yellow", aside=word(data, "said"), deep=True)


AGENT_LINES: Final[Mapping[str, Callable[[Data], Line]]] = {
    "agent_started": _agent_started,
    "agent_adopted": _agent_adopted,
    "agent_retry": _agent_retry,
    "permission_denied": _permission_denied,
    **MCP_LINES,
}
