"""Waiting for so long and no longer, also for what does not let itself be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from epics.errors import StoreUnavailable

ResultT = TypeVar("ResultT")


async def within(seconds: float, work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """What the work returns, if it does so in time.

    The work is left behind where it does not: a database that hangs also hangs what is cancelled on it, and the client must not.

    Raises:
        StoreUnavailable: if it takes longer.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        # Of no effect on a task that is done.
        task.cancel()
    if not done:
        task.add_done_callback(_forget)
        message = f"there was no answer within {seconds:g} s: the database or the disk is too slow at the moment; try again later"
        raise StoreUnavailable(message)
    return await task


def _forget(task: asyncio.Task[Any]) -> None:
    """Take the error of a task that nobody waits for any more, so that asyncio does not complain of it."""
    if not task.cancelled():
        task.exception()
