"""Where the Claude Code CLI is on this host, and which version it has."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from epics.errors import Environment

EXTRA: Final = "genie-orchestrator[claude]"

_PACKAGE: Final = "claude_agent_sdk"
_VERSION_S: Final = 20.0


def bundled_cli() -> Path | None:
    """Return the CLI that the extra `claude` brings, if it is installed; the package itself is not imported."""
    found = find_spec(_PACKAGE)
    for place in (found.submodule_search_locations or ()) if found is not None else ():
        cli = Path(place) / "_bundled" / "claude"
        if cli.is_file():
            return cli
    return None


def find_cli(configured: Path | None = None) -> Path:
    """Return the CLI: the configured one, else that of the extra, else the one in PATH.

    Raises:
        Environment: if there is none, saying how to get one.
    """
    if configured is not None:
        if not os.access(configured, os.X_OK):
            raise Environment(f"the Claude Code CLI {configured} cannot be run: correct GENIE_CLAUDE_CLI, or unset it")
        return configured
    in_path = shutil.which("claude")
    found = bundled_cli() or (Path(in_path) if in_path else None)
    if found is None:
        raise Environment(f"the Claude Code CLI was not found: install {EXTRA}, or name its file in GENIE_CLAUDE_CLI")
    return found


@cache
def version_of(cli: Path) -> str:
    """Return the version that a CLI says it has.

    Raises:
        Environment: if it does not run.
    """
    try:
        said = subprocess.run([cli, "--version"], capture_output=True, text=True, timeout=_VERSION_S, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as exc:
        raise Environment(f"the Claude Code CLI {cli} does not run: {exc}") from exc
    return said.stdout.split()[0] if said.stdout.strip() else "unknown"
