"""Ready-made entries for the `.mcp.json` of a workflow: servers that many people want, written as they should be.

An entry names its secrets by reference (`${secret:NAME}`), never a value, and is narrow where a server offers more than agents need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, kw_only=True)
class CatalogEntry:
    """One server that is known by name."""

    about: str
    server: Mapping[str, Any] = field(default_factory=dict)
    """What goes into `.mcp.json`; nothing for what Genie's own tools do."""
    tools: tuple[str, ...] = ()
    """What goes into `allowed_tools.json`."""
    needs: str = ""
    """What a person has to do beside it, in a sentence."""


def _remote(url: str, secret: str) -> Mapping[str, Any]:
    return {"type": "http", "url": url, "headers": {"Authorization": f"Bearer ${{secret:{secret}}}"}}


CATALOG: Final[Mapping[str, CatalogEntry]] = {
    "git": CatalogEntry(
        about="look at the history of the work tree and change its index",
        server={"command": "uvx", "args": ["mcp-server-git", "--repository", "."]},
        tools=tuple(f"mcp__git__git_{verb}" for verb in ("status", "log", "show", "diff", "diff_staged", "diff_unstaged", "branch")),
        needs="have uvx in PATH, or put the path of mcp-server-git in its place",
    ),
    "memory": CatalogEntry(
        about="search what past epics on the project taught, and add to it: Genie's own tools, no server",
        tools=("search_knowledge", "remember"),
    ),
    "slack": CatalogEntry(
        about="read and write messages of a Slack workspace",
        server=_remote("https://mcp.slack.com/mcp", "mcp_slack_token"),
        needs="store a user token of your Slack app: genie secret set mcp_slack_token",
    ),
    "linear": CatalogEntry(
        about="read and write issues and projects in Linear",
        server=_remote("https://mcp.linear.app/mcp", "mcp_linear_key"),
        needs="store an API key of Linear: genie secret set mcp_linear_key",
    ),
    "github": CatalogEntry(
        about="read and write issues, pull requests and code on GitHub",
        server=_remote("https://api.githubcopilot.com/mcp/", "mcp_github_token"),
        needs="store a fine-grained token of GitHub: genie secret set mcp_github_token",
    ),
}
