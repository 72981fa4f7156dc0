"""The Claude Code CLI of this host, as a person is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from executors.claude.finding import EXTRA, bundled_cli, find_cli, version_of
from executors.claude.transcripts import VERSION

TRIED: Final = VERSION
"""The version that Genie was tried with."""

WAY_OUT: Final = f"install {EXTRA}, or update it"


@dataclass(frozen=True, kw_only=True)
class FoundCli:
    """A CLI that is there and runs."""

    path: Path
    version: str
    origin: str
    """Where it was found: GENIE_CLAUDE_CLI, the extra, PATH."""
    is_older: bool
    """Whether it is older than the one that was tried."""


def look_for_cli(configured: Path | None) -> FoundCli:
    """Find the CLI, and let it say its version.

    Raises:
        Environment: if there is none, or it does not run, saying what would help.
    """
    path = find_cli(configured)
    version = version_of(path)
    origin = "GENIE_CLAUDE_CLI" if configured is not None else "the extra" if path == bundled_cli() else "PATH"
    return FoundCli(path=path, version=version, origin=origin, is_older=_numbers(version) < _numbers(TRIED))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
