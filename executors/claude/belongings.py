"""What an attempt keeps in its folder for the worker that comes after this one: its token, and what its CLI was told."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_TOKEN: Final = "token"  # noqa: S105  a file name
_TOLD: Final = "told"
_MCP: Final = "mcp.json"

PROMPT: Final = 0
"""Stands for the prompt among the numbers of what was said."""


class Belongings:
    """The files of one attempt's folder; nothing in the agent's reach is trusted to have them."""

    def __init__(self, folder: Path) -> None:
        """Bind to a folder, which may not be there yet."""
        self._folder = folder
        self.token = _read(folder / _TOKEN) or secrets.token_urlsafe(32)
        """What the CLI shows to the gateway: the same for every worker of the attempt, for a CLI that outlives one."""

    def keep_token(self) -> None:
        """Write the token down, for nobody else to read."""
        file = self._folder / _TOKEN
        file.touch(mode=0o600)
        file.write_text(self.token)

    def told(self) -> frozenset[int]:
        """Return the numbers of what the CLI's input was given; `PROMPT` among them if it was told what to do."""
        return frozenset(int(line) for line in _read(self._folder / _TOLD).splitlines() if line.isdigit())

    def keep_told(self, number: int) -> None:
        """Add one number."""
        with (self._folder / _TOLD).open("a") as file:
            file.write(f"{number}\n")


def write_mcp_config(config: Path, servers: Mapping[str, Any]) -> str | None:
    """Write the MCP servers of a workflow into the CLI's folder, and return the name of the file; None if there are none."""
    if not servers:
        return None
    file = config / _MCP
    # Made anew: a CLI that was here before could have left a link that leads out of the folder.
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as into:
        into.write(json.dumps({"mcpServers": dict(servers)}))
    return _MCP


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""
