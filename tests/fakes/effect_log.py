"""A log of deeds outside of any database: each is a line that is on disk before the deed counts as done.

As a process, for the commands of agents and of test suites: `python3 tests/fakes/effect_log.py LOG WORD…` adds one line.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path


class EffectLog:
    """The log in one file."""

    def __init__(self, path: Path) -> None:
        """Use this file, which need not be there yet."""
        self.path = path

    def command(self, *words: str) -> str:
        """A shell command that adds a line; the machine's own Python runs it, wherever it is called."""
        return shlex.join(["python3", str(Path(__file__).resolve()), str(self.path), *words])

    def lines(self) -> list[str]:
        """All lines, in the order in which they came."""
        return self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []


def add(path: str, line: str) -> None:
    """Add a line, whole, and return when it is on disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    add(sys.argv[1], " ".join(sys.argv[2:]))
