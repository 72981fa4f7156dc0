"""The tools that come with Genie."""

from __future__ import annotations

from tools.files import EDIT_FILE, READ_FILE, WRITE_FILE
from tools.registry import ToolRegistry
from tools.search import LIST_FILES, SEARCH
from tools.shell import RUN_COMMAND


def builtin_tools() -> ToolRegistry:
    """Return a registry of the six tools that come with Genie."""
    return ToolRegistry((READ_FILE, WRITE_FILE, EDIT_FILE, LIST_FILES, SEARCH, RUN_COMMAND))
