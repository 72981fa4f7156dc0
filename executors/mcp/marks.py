"""How what is left of a worker's MCP servers is known for ours: a mark in their environment, and whether who set it still lives."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

MARK: Final = "MCP_STARTED_BY"
"""The variable by which a server is known for ours when its worker has died."""


def mark_of(database: str) -> str:
    """Return who starts servers: a database of Genie's, and this process, by what this host alone can tell it by."""
    return ":".join((database, _numbers(), str(os.getpid()), began_at(os.getpid())))


def began_at(pid: int) -> str:
    """Return when a process began, as /proc has it, so that another one with its number is told from it; empty if it is not there."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    # The name in brackets may hold anything; the time is the twentieth field after it (proc(5)).
    return stat.rpartition(")")[2].split()[19]


def end_left_behind(database: str) -> tuple[int, ...]:
    """Kill the servers of this database whose worker is no more, and return their process ids; where there is no /proc, nothing.

    Where there are PID namespaces the kernel has done so already.
    """
    ended, own = list[int](), _numbers()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            of, numbers, pid, began = (_mark_in((folder / "environ").read_bytes()).split(":") + [""] * 4)[:4]
            # Where processes have other numbers, as in a container, nobody here can tell whether one lives.
            if (of, numbers) == (database, own) and pid.isdigit() and began_at(int(pid)) != began:
                os.kill(int(folder.name), signal.SIGKILL)
                ended.append(int(folder.name))
    return tuple(ended)


def _numbers() -> str:
    """Return the namespace in which this process has its number."""
    try:
        return str(Path("/proc/self/ns/pid").readlink()).partition(":")[2]
    except OSError:
        return ""


def _mark_in(environment: bytes) -> str:
    start = f"{MARK}=".encode()
    return next((each[len(start) :].decode(errors="replace") for each in environment.split(b"\0") if each.startswith(start)), "")
