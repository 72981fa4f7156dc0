"""A small MCP server on standard input and output, as workflows name them."""

from __future__ import annotations

import os
from pathlib import Path

from mcp.server.mcpserver import MCPServer

server = MCPServer("small")


@server.tool()
def leave_mark(text: str) -> str:
    """Write a file where the server runs."""
    Path("mark.txt").write_text(text, encoding="utf-8")
    return f"left {text}"


@server.tool()
def refuse() -> str:
    """Fail, always."""
    message = "not today"
    raise ValueError(message)


@server.tool()
def die() -> str:
    """End the server in the middle of a call."""
    os._exit(1)


@server.tool()
def flood() -> str:
    """Say too much."""
    return "x" * 1_000_000


if __name__ == "__main__":
    server.run()
