"""What Genie's tools are called by the CLI, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

FINAL: Final = "StructuredOutput"
"""The CLI's own tool that hands back the typed output."""

MCP_TOOL: Final = "mcp__"
"""What the names of tools of MCP servers begin with, for Genie and for the CLI alike."""

OWN_SERVER: Final = "genie"
"""The MCP server by which a CLI reaches Genie's own tools."""

CLI_NAMES: Final = {
    "read_file": "Read",
    "write_file": "Write",
    "edit_file": "Edit",
    "list_files": "Glob",
    "search": "Grep",
    "run_command": "Bash",
}

READ_ONLY: Final = frozenset({"Read", "Glob", "Grep", FINAL})
"""Tools of the CLI that change no file."""

_GENIE_NAMES: Final = {cli: genie for genie, cli in CLI_NAMES.items()}


def cli_names(tools: Iterable[str]) -> tuple[str, ...]:
    """Return what the CLI calls those of a workflow's tools that it has itself."""
    return tuple(CLI_NAMES[tool] for tool in tools if tool in CLI_NAMES)


def genie_name(tool: str) -> str:
    """Return Genie's name of a tool of the CLI; one that Genie does not have keeps its name."""
    return _GENIE_NAMES.get(tool, tool.removeprefix(f"{MCP_TOOL}{OWN_SERVER}__"))
