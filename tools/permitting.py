"""Whether a tool may be called: the one check for Genie's own tools, for an agent's and for those of MCP servers."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Final

from tools.workspace import ToolProblem

MCP: Final = "mcp__"
"""What the names of tools of MCP servers begin with: `mcp__<server>__<tool>`."""


def is_allowed(name: str, allowed: Collection[str]) -> bool:
    """Whether a list of tools has this one.

    A tool of an MCP server may be listed with wildcards (`mcp__git__*`); where the list has no tool of its server, all of them are allowed:
    the workflow names the server, and says nothing more.
    """
    if not name.startswith(MCP):
        return name in allowed
    server = name.removeprefix(MCP).partition("__")[0]
    patterns = [each for each in allowed if each.startswith(f"{MCP}{server}__")]
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def check_allowed(name: str, allowed: Collection[str], *, known: bool = True) -> None:
    """Let a call of the tool be made, at the time at which it is made.

    Args:
        name: as the model calls it.
        allowed: what the workflow lists.
        known: whether there is such a tool at all; for one of an MCP server, whether the workflow names the server.

    Raises:
        ToolProblem: in words that the model can act on.
    """
    if not known or not is_allowed(name, allowed):
        raise ToolProblem(f"the tool {name!r} is not yours to use: use one of {', '.join(allowed) or 'none'}")
