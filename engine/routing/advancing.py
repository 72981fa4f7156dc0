"""Carrying a request on in the process that asked: its parts are begun and run here, those that need nothing of each other side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from db.asks import part_rows
from engine.assembling import Installation
from engine.following_events import following
from engine.routing.carrying import carry_ask, due_works
from engine.routing.reading import ask_view
from engine.routing.views import AskView, stands_still
from engine.views import EventView
from epics.errors import EpicHeld, LeaseLost

OnPart = Callable[[int, str, EventView], None]
"""Is called with the number of a part, what does it, and each event of that."""

_LOOK_S: Final = 0.3


async def advance_ask(installation: Installation, ask_id: str, on_part: OnPart | None = None) -> AskView:
    """Run a request here until it ends, needs a choice, or all that is left of it waits for a person."""
    tasks: dict[str, asyncio.Task[None]] = {}
    try:
        while True:
            await carry_ask(installation, ask_id, hinted=False)
            view = await ask_view(installation.database.pool, ask_id)
            if stands_still(view):
                return view
            for n, work in due_works(await part_rows(installation.database.pool, [ask_id])).items():
                if work not in tasks:
                    tasks[work] = asyncio.create_task(_run(installation, n, work, on_part), name=f"part-{work}")
            if tasks:
                await asyncio.wait({*tasks.values()}, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(_LOOK_S)
            for work in [work for work, task in tasks.items() if task.done()]:
                tasks.pop(work).result()
    finally:
        for task in tasks.values():
            task.cancel()
        if tasks:
            await asyncio.wait({*tasks.values()})


async def _run(installation: Installation, n: int, work: str, on_part: OnPart | None) -> None:
    from engine.advancing import advance_epic  # noqa: PLC0415  # the graph takes seconds to import, and reading needs none of it

    async with following(installation.database.pool, work, None if on_part is None else lambda event: on_part(n, work, event)):
        try:
            await advance_epic(installation, work)
        except (EpicHeld, LeaseLost):
            # A worker has it, or took it over; it is followed by looking.
            await asyncio.sleep(1.0)
