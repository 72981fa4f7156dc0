"""Writing to its end what must not be cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


async def finished(writing: Coroutine[None, None, None] | asyncio.Task[None]) -> None:
    """Let a record be written to its end however often we are cancelled meanwhile: what it tells of is paid for, or done."""
    task = asyncio.ensure_future(writing)
    cancelled = False
    while not task.done():
        try:
            # Not awaited itself: a second cancel would reach it then (the CLI is gone, and the attempt ends).
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError
