"""Locks on files between processes; the kernel gives a lock back when its holder ends, also by kill -9."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from epics.errors import StoreUnavailable

POLL_S: Final = 0.01


@contextmanager
def open_lock(path: Path) -> Generator[int]:
    """Open the file of a lock, and yield its descriptor, which no child process inherits unless it is passed on."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def try_exclusive(descriptor: int) -> bool:
    """Take the lock for ourselves alone, if nobody has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Tell whether any process holds the lock."""
    with open_lock(path) as descriptor:
        return not try_exclusive(descriptor)


@asynccontextmanager
async def exclusive(path: Path, *, patience_s: float) -> AsyncGenerator[None]:
    """Hold the lock alone; wait for it without blocking the event loop.

    Raises:
        StoreUnavailable: if another process holds it for longer than `patience_s`; the message has its id.
    """
    with open_lock(path) as descriptor:
        try:
            async with asyncio.timeout(patience_s):
                while not try_exclusive(descriptor):  # noqa: ASYNC110 - another process sets no event of ours
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise StoreUnavailable(
                f"process {holder} has been starting or stopping the embedded database for {patience_s:.0f} s ({path}); "
                "try again, or end that process"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
