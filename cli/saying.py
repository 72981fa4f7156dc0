"""Saying something to the agent of an epic."""

from __future__ import annotations

from cli.output import Output
from cli.service import Service
from epics.callers import current_caller


async def say(service: Service, epic_id: str, text: str, output: Output) -> int:
    """Say something to an epic's agent, and tell when it will hear it."""
    epic = await service.epic(epic_id)
    saying = await service.say(epic.id, text, by=current_caller().person)
    if output.as_json:
        output.json(saying)
        return 0
    when = "the agent is told with its next call" if epic.status == "running" else "the next attempt is told in its brief"
    output.say(f"kept as number {saying.n}: {when}")
    return 0
