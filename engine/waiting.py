"""Waiting for an event, but not for ever."""

from __future__ import annotations

import asyncio


async def any_set(*events: asyncio.Event, within: float) -> bool:
    """Wait until one of the events is set, for so many seconds at most; say whether one was."""
    waits = {asyncio.create_task(event.wait()) for event in events}
    try:
        done, _ = await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return bool(done)
