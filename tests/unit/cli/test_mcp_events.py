"""What happens to MCP servers, as people read it."""

from __future__ import annotations

import pytest

from cli.agent_events import AGENT_LINES


@pytest.mark.parametrize(
    "kind, data, text, aside",
    [
        (
            "mcp_server_missing",
            {"server": "docs", "said": "gone", "required": True},
            "docs cannot be used; the workflow requires it",
            "gone",
        ),
        ("mcp_server_missing", {"server": "docs", "said": "gone"}, "docs cannot be used; the agent works without it", "gone"),
        ("mcp_server_unseen", {"server": "docs"}, "nobody has looked at the tools of the MCP server docs", ""),
        ("mcp_server_lost", {"server": "docs", "said": "gone", "starts": 3}, "docs is given up after 3 starts", "gone"),
        ("mcp_tools_changed", {"server": "docs", "changed": ["a"], "used": False}, "docs has changed, not used", "changed: a"),
        ("mcp_tools_changed", {"server": "docs", "changed": [], "added": ["b"], "used": True}, "without what is new", "added: b"),
        ("mcp_tools_changed", {"server": "docs", "changed": ["a"], "used": True}, "used all the same", "changed: a"),
    ],
    ids=["required", "missing", "unseen", "lost", "changed", "new", "warned"],
)
def test_a_line_says_what_became_of_the_server(kind, data, text, aside):
    line = AGENT_LINES[kind](data)

    assert text in line.text
    assert line.aside == aside
