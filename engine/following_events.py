"""Handing on the events of an epic or a run as they are recorded, while something runs in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from db.connection import Pool
from engine.reading import list_events
from engine.views import EventView

_POLL_S: Final = 0.15

OnEvent = Callable[[EventView], None]


@asynccontextmanager
async def following(pool: Pool, epic_id: str, on_event: OnEvent | None) -> AsyncGenerator[None]:
    """Hand on events from now on, and those that came with the end of what runs; nothing where nobody listens."""
    if on_event is None:
        yield
        return
    seen = max((event.id for event in await list_events(pool, epic_id, after=0, limit=1_000_000)), default=0)

    async def hand_on() -> None:
        nonlocal seen
        for event in await list_events(pool, epic_id, after=seen, limit=1000):
            seen = event.id
            on_event(event)

    async def follow() -> None:
        while True:
            await hand_on()
            await asyncio.sleep(_POLL_S)

    task = asyncio.create_task(follow(), name=f"follow-{epic_id}")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        await hand_on()
