"""One holder at a time, across processes, without blocking the event loop."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from epics.errors import Environment

SHORTEST, LONGEST = 0.005, 0.1
PATIENCE_S: Final = 3900.0
"""Longer than the longest thing that is done under a lock, which is a fetch."""
STOPPED_S: Final = 30.0
"""How long a holder that is stopped is waited for: it may be woken."""


@asynccontextmanager
async def locked(path: Path, *, patience_s: float = PATIENCE_S, stopped_s: float = STOPPED_S) -> AsyncGenerator[None]:
    """Hold the lock file `path`; the system lets go of it when the process ends, however that happens.

    Args:
        path: the file.
        patience_s: how long whoever has the lock is waited for, in seconds.
        stopped_s: the same, where the holder is stopped (SIGSTOP) and does nothing.

    Raises:
        Environment: if it is held for longer; the message has the holder's process id.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        pause, began = SHORTEST, time.monotonic()
        while not _taken(handle):
            _lose_patience(handle, path, time.monotonic() - began, patience_s, stopped_s)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST)
        # Only for those who wait in vain: a full disk must not keep us from working on.
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.pwrite(handle, b"%d\n" % os.getpid(), 0)
        yield
    finally:
        os.close(handle)


def _lose_patience(handle: int, path: Path, waited_s: float, patience_s: float, stopped_s: float) -> None:
    if waited_s < min(patience_s, stopped_s):
        return
    holder = os.pread(handle, 32, 0).decode(errors="replace").strip()
    stopped = _is_stopped(holder)
    if waited_s < (stopped_s if stopped else patience_s):
        return
    does = "is stopped and holds" if stopped else "holds"
    message = (
        f"process {holder or 'unknown'} {does} the lock {path}, and was waited for {waited_s:.0f} s: wake it (kill -CONT) or end it, "
        "then resume the epic"
    )
    raise Environment(message)


def _is_stopped(pid: str) -> bool:
    """Whether a process of this machine is stopped; False where the system does not say."""
    try:
        # The name in brackets may hold anything; the state is the first field after it (proc(5)).
        state = Path("/proc", str(int(pid)), "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, ValueError, IndexError):
        return False
    return state in {"T", "t"}


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
