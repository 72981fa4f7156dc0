"""Carrying an epic on here, or following it where a worker has it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Final

from cli.output import Output
from cli.service import Service
from engine.following_events import OnEvent
from engine.views import EpicView, WorkerView
from epics.errors import EpicHeld

POLL_S: Final = 0.3
LEARNS_IN_S: Final = 3.0
"""What an epic or a run taught is stored by the process that ran it, for so long at most; the rest waits for a worker."""
_LOOK_S: Final = 1.0
"""How often it is tried to take an epic from a worker that may be dead."""
_LONGEST_NAP_S: Final = 5.0


async def carried_on(service: Service, epic: EpicView, on_event: OnEvent, output: Output) -> EpicView:
    """Run the epic here until it stands still; where a worker has it, follow it; where it waits for a better time, wait."""
    holder, seen = "", 0
    while True:
        try:
            epic = await service.advance(epic.id, on_event=on_event)
        except EpicHeld as held:
            if held.worker != holder:
                holder = held.worker
                output.note(f"{holder} works on it; this follows", style="dim")
                seen = await _newest(service, epic)
            epic, seen = await _followed(service, epic, on_event, seen)
        if epic.status == "running":
            continue
        if epic.status != "queued" or epic.retry_at is None:
            return epic
        left = (epic.retry_at - datetime.now(UTC)).total_seconds()
        await asyncio.sleep(min(max(left, POLL_S), _LONGEST_NAP_S))


async def alive(service: Service) -> tuple[WorkerView, ...]:
    """The workers that live and take new epics."""
    return tuple(worker for worker in await service.workers() if worker.alive and not worker.draining)


async def _newest(service: Service, epic: EpicView) -> int:
    seen = 0
    while events := await service.events(epic.id, after=seen):
        seen = events[-1].id
    return seen


async def _followed(service: Service, epic: EpicView, on_event: OnEvent, seen: int) -> tuple[EpicView, int]:
    """Show what comes after `seen`, until the epic stands still, or its worker is worth a look; with the newest that was shown."""
    until = time.monotonic() + _LOOK_S
    while True:
        # The status is read before the events: whatever led to it is among them.
        epic = await service.epic(epic.id)
        while events := await service.events(epic.id, after=seen):
            for event in events:
                on_event(event)
            seen = events[-1].id
        if epic.status != "running" or time.monotonic() >= until:
            return epic, seen
        await asyncio.sleep(POLL_S)
