"""A race in the foreground: its attempts are carried on side by side, until one is picked or a person is to pick."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from functools import partial
from typing import Any

from cli.carrying_on import POLL_S, carried_on
from cli.output import Output
from cli.progress import Progress
from cli.render_race import race_parts
from cli.service import Service
from engine.time_machine.race_views import RaceEntry
from engine.views import EpicView


async def raced(service: Service, epic: EpicView, progress: Progress, output: Output) -> EpicView:
    """Carry on the attempts of an epic that waits for its race, and then the epic; as it is where there is nothing to carry on."""
    while waits_for_pick(epic):
        race = await service.race(epic.id)
        if race.state == "running" and (not race.at_work or race.problem):
            return epic
        at_once = asyncio.Semaphore(service.side_by_side)

        async def one(entry: RaceEntry, at_once: asyncio.Semaphore = at_once) -> None:
            async with at_once:
                told = partial(progress.on_event, of=f"[{entry.k}]")
                await carried_on(service, await service.epic(entry.fork), told, output)

        await _all_of([one(entry) for entry in race.entries if entry.status in {"queued", "running"}])
        epic = await carried_on(service, epic, progress.on_event, output)
        # What a worker or a server is to do takes a moment.
        await asyncio.sleep(POLL_S if waits_for_pick(epic) else 0)
    return epic


def waits_for_pick(epic: EpicView) -> bool:
    """Whether an epic stands still because its race runs."""
    return epic.status == "paused" and epic.race == "running"


async def races_on(service: Service, epic: EpicView) -> bool:
    """Whether an epic stands still only until its race has gone on by itself."""
    return waits_for_pick(epic) and (await service.race(epic.id)).at_work


async def say_how_to_pick(service: Service, epic: EpicView, output: Output) -> None:
    """Show the attempts side by side, and name the commands that go on."""
    race = await service.race(epic.id)
    output.show(*race_parts(race))


async def _all_of(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of it at once; the first that breaks off stops the others, and is what is told."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
