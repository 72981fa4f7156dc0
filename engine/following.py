"""Following an epic: its events in order, from any number on, as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from db.connection import Pool
from db.epics import fetch_one
from db.notifications import Listener
from engine.reading import epic_view, list_events
from engine.views import EpicView, EventView
from engine.waiting import any_set
from epics.state import TERMINAL

PAGE: Final = 200

News = Listener
"""Hears of new events for all followers of this process."""


async def follow(
    pool: Pool, news: News, epic_id: str, *, after: int, stopping: asyncio.Event, quiet_s: float
) -> AsyncGenerator[EventView | EpicView | None]:
    """The events of an epic after a number: those that there are, then those that come.

    Events are read in pages, and the next page when the last one was taken: however slow the reader, no more than one page is in memory,
    and between two pages no connection is held. Yields None when nothing has happened for `quiet_s` seconds, and at last, when the epic
    has ended and all its events were told, the epic itself.
    """
    with news.following(epic_id) as woken:
        while not stopping.is_set():
            woken.clear()
            # Read before the events: whatever led to an end is among them.
            row = await fetch_one(pool, "epic_facts", {"epic": epic_id})
            page = await list_events(pool, epic_id, after=after, limit=PAGE)
            for event in page:
                after = event.id
                yield event
            if len(page) == PAGE:
                continue
            if row is None or row["status"] in TERMINAL:
                yield await epic_view(pool, epic_id)
                return
            if not await any_set(woken, stopping, within=quiet_s):
                yield None
