"""One holder at a time, across processes, without blocking the event loop."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

SHORTEST, LONGEST = 0.005, 0.1


@asynccontextmanager
async def locked(path: Path) -> AsyncGenerator[None]:
    """Hold the lock file `path`; the system lets go of it when the process ends, however that happens."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        pause = SHORTEST
        while not _taken(handle):
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST)
        yield
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
