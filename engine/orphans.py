"""Processes of a worker that cannot end them itself."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import defaultdict
from pathlib import Path


def kill_descendants(pid: int) -> None:
    """Kill all that a process has started, and what that has started, but not the process itself; where there is no /proc, nothing."""
    children = _children()
    found, ahead = list[int](), [pid]
    while ahead:
        below = children[ahead.pop()]
        found += below
        ahead += below
    for each in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(each, signal.SIGKILL)


def _children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name in brackets may hold anything; the parent is the second field after it (proc(5)).
            parent = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1]
            children[int(parent)].append(int(stat.parent.name))
    return children
