"""Races from the command line: the attempts side by side, and which of them is picked."""

from __future__ import annotations

from rich.text import Text

from cli.drive import carry_on
from cli.errors import ExitCode
from cli.output import Output
from cli.render_race import race_parts
from cli.service import Service
from epics.callers import current_caller


async def race(service: Service, epic_id: str, output: Output) -> int:
    """Show the race of an epic."""
    shown = await service.race(epic_id)
    output.answer(record=shown, parts=race_parts(shown))
    return ExitCode.DONE


async def pick(service: Service, epic_id: str, entry: str, output: Output, *, resume: bool) -> int:
    """Pick an attempt, and carry the epic on with its work if that is wanted."""
    epic = await service.epic(epic_id)
    picked = await service.pick(epic.id, entry, by=current_caller().person)
    if not (resume and output.as_json):
        lines = [] if resume else [Text(f"go on with it: genie epic resume {epic.id}")]
        output.answer(record=picked, parts=[*race_parts(picked.race), *lines])
    if not resume:
        return ExitCode.DONE
    return await carry_on(service, await service.resume(epic.id, by=current_caller().person), output)
