"""Writing to its end what must not be cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine


async def finished(writing: Coroutine[None, None, None] | asyncio.Task[None]) -> None:
    """Let a record be written to its end although we are cancelled meanwhile: what it tells of is paid for, or done."""
    task = asyncio.ensure_future(writing)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
