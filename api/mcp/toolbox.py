"""All tools of Genie's MCP server, and those of them that are offered."""

from __future__ import annotations

from typing import Final

from api.mcp.approval_tools import APPROVAL_TOOLS
from api.mcp.epic_tools import EPIC_TOOLS
from api.mcp.history_tools import HISTORY_TOOLS
from api.mcp.knowledge_tools import KNOWLEDGE_TOOLS
from api.mcp.run_tools import RUN_TOOLS
from api.mcp.tool import McpTool
from api.mcp.watching import WATCH_EPIC
from api.mcp_alone import McpOffer
from config.setting_types import words_in
from epics.errors import InvalidInput

TOOLS: Final[tuple[McpTool, ...]] = (*EPIC_TOOLS, WATCH_EPIC, *APPROVAL_TOOLS, *HISTORY_TOOLS, *KNOWLEDGE_TOOLS, *RUN_TOOLS)


def offered(*offers: McpOffer) -> tuple[McpTool, ...]:
    """The tools that are left when each of the offers has taken its choice.

    Raises:
        InvalidInput: if one of them names a tool that is not there by then.
    """
    left = TOOLS
    for offer in offers:
        left = _chosen(left, offer)
    return left


def _chosen(tools: tuple[McpTool, ...], offer: McpOffer) -> tuple[McpTool, ...]:
    there = {tool.name: tool for tool in tools if tool.reads or not offer.read_only}
    if offer.tools is None:
        return tuple(there.values())
    wanted = words_in(offer.tools)
    for name in wanted:
        if name not in there:
            message = f"there is no{' read-only' if offer.read_only else ''} tool {name[:100]!r}; there are: {', '.join(there)}"
            raise InvalidInput(message)
    return tuple(tool for name, tool in there.items() if name in wanted)
