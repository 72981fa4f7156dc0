"""The events of MCP servers, as lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cli.event_line import Data, Line, word


def _started(data: Data) -> Line:
    took = f" · {word(data, 'seconds')} s" if word(data, "seconds") else ""
    return Line(mark="·", text=f"MCP server {word(data, 'server')} began", aside=f"{word(data, 'tools')} tools{took}", deep=True)


def _missing(data: Data) -> Line:
    then = "the workflow requires it" if data.get("required") else "the agent works without it"
    said = f"the MCP server {word(data, 'server')} cannot be used; {then}"
    return Line(mark="!", text=said, style="yellow", aside=word(data, "said"), deep=True)


def _unseen(data: Data) -> Line:
    said = f"nobody has looked at the tools of the MCP server {word(data, 'server')}: it starts in the agent's container"
    return Line(mark="!", text=said, style="yellow", deep=True)


def _restarted(data: Data) -> Line:
    said = f"the MCP server {word(data, 'server')} was started again"
    return Line(mark="↻", text=said, style="yellow", aside=word(data, "said"), deep=True)


def _lost(data: Data) -> Line:
    said = f"the MCP server {word(data, 'server')} is given up after {word(data, 'starts')} starts"
    return Line(mark="!", text=said, style="yellow", aside=word(data, "said"), deep=True)


def _pinned(data: Data) -> Line:
    said = f"the tools of the MCP server {word(data, 'server')} are pinned, as it lists them first"
    return Line(mark="·", text=said, aside=f"{word(data, 'tools')} tools", deep=True)


def _changed(data: Data) -> Line:
    kinds = [(kind, data.get(kind)) for kind in ("changed", "added", "gone")]
    told = "; ".join(f"{kind}: {', '.join(map(str, names))}" for kind, names in kinds if isinstance(names, list) and names)
    then = "used all the same" if data.get("used") else "not used: see `genie mcp check`"
    # A tool that is only new takes nothing from the others.
    then = "without what is new" if data.get("used") and not data.get("changed") and data.get("added") else then
    return Line(mark="!", text=f"the MCP server {word(data, 'server')} has changed, {then}", style="yellow", aside=told, deep=True)


MCP_LINES: Final[Mapping[str, Callable[[Data], Line]]] = {
    "mcp_server_started": _started,
    "mcp_server_missing": _missing,
    "mcp_server_unseen": _unseen,
    "mcp_server_restarted": _restarted,
    "mcp_server_lost": _lost,
    "mcp_pinned": _pinned,
    "mcp_tools_changed": _changed,
}
