"""Runs carried on, looked at and ended by a person."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import RootModel

from cli.carrying_on import LEARNS_IN_S, alive
from cli.errors import STATUS_CODES, Interrupted
from cli.inputs import repository_for
from cli.look import turn_parts
from cli.output import Output
from cli.progress import Progress
from cli.render_run import run_parts, runs_table, summary
from cli.run_service import RunService
from cli.service import Service
from engine.following_events import OnEvent
from engine.runs.orders import StartRun
from engine.runs.views import RunView
from engine.views import Page
from epics.callers import current_caller
from epics.errors import EpicHeld, WorkflowNotFound
from epics.runs import RUN_ENDED, RunStatus

_POLL_S: Final = 0.3
_LOOK_S: Final = 1.0
"""How often it is tried to take a run from a worker that may be dead."""
_LONGEST_NAP_S: Final = 5.0


class _Turn(RootModel[dict[str, Any]]):
    """A turn of a run, as `--json` prints it."""


async def begin(service: Service, order: StartRun, output: Output, *, detach: bool, server: str | None) -> int:
    """Start a run as `start`; where no repository is named, here for what needs one."""
    if not order.repo and await _needs_repository(service.runs, order.workflow):
        order = replace(order, repo=repository_for(server, ".") if server else ".")
    return await start(service, order, output, detach=detach)


async def start(service: Service, order: StartRun, output: Output, *, detach: bool) -> int:
    """Start a run, and carry it on here unless it is to be left."""
    run = await service.runs.start(replace(order, detached=detach))
    output.say(f"run {run.id}", style="bold")
    if not detach:
        return await carry_on(service, run, output)
    if await alive(service):
        output.say(f"queued; follow it with: genie run watch {run.id}")
    else:
        output.say(f"queued; no worker is alive: begin one with `genie worker`, or run it here with: genie run resume {run.id}")
    if output.as_json:
        output.json(run)
    return 0


async def resume(service: Service, given: str, output: Output) -> int:
    """Carry a run on here from where it is; of one that has ended, say how."""
    return await carry_on(service, await service.runs.show(given), output)


async def carry_on(service: Service, run: RunView, output: Output) -> int:
    """Run it in this process until it ends.

    Raises:
        Interrupted: if the command is stopped; the run can be gone on with.
    """
    progress = Progress(output, run)
    try:
        with progress.live():
            run = await carried_on(service.runs, run, progress.on_event, output)
    except asyncio.CancelledError:
        progress.raise_if_unread()
        run = await service.runs.show(run.id)
        goes_on = run.status is RunStatus.RUNNING or (run.status is RunStatus.QUEUED and bool(await alive(service)))
        raise Interrupted(run.id, goes_on=goes_on) from None
    code = _sum_up(run, output)
    await service.knowledge.settle(LEARNS_IN_S, run.repo or None)
    return code


async def watch(service: Service, given: str, output: Output) -> int:
    """Follow a run that any process carries on, from its first event until it ends."""
    run = await service.runs.show(given)
    if run.status is RunStatus.QUEUED and not await alive(service):
        output.note(f"nobody works on it at the moment; this waits until somebody does, with: genie run resume {run.id}", style="yellow")
    progress, seen = Progress(output, run), 0
    with progress.live():
        while True:
            # The status is read before the events: whatever led to it is among them.
            run = await service.runs.show(run.id)
            while events := await service.runs.events(run.id, after=seen):
                for event in events:
                    if output.as_json:
                        output.json_line(event)
                    else:
                        progress.on_event(event)
                seen = events[-1].id
            if run.status in RUN_ENDED:
                break
            await asyncio.sleep(_POLL_S)
    return STATUS_CODES[run.status]


async def show(service: Service, given: str, output: Output) -> int:
    """Show one run and what its agent handed back."""
    run = await service.runs.show(given)
    output.answer(record=run, parts=run_parts(run))
    if run.status not in RUN_ENDED and not output.as_json:
        verb = "follow" if run.status is RunStatus.RUNNING else "go on"
        output.say(f"\n{verb} it with: genie run {'watch' if verb == 'follow' else 'resume'} {run.id}", style="yellow")
    return 0


async def list_runs(
    service: Service, output: Output, *, status: str | None, repo: str | None, workflow: str | None, limit: int, cursor: str | None
) -> int:
    """List runs, newest first."""
    page = await service.runs.page(status=status, repo=repo, workflow=workflow, limit=limit, cursor=cursor)
    if output.as_json or page.items:
        output.answer(record=page, parts=[runs_table(page.items)])
    else:
        output.say(
            "there is no such run" if any((status, repo, workflow, cursor)) else "there is no run yet; begin with: genie agent run NAME"
        )
    if page.next and not output.as_json:
        output.say(f"there are more: --cursor {page.next}", style="dim")
    return 0


async def logs(service: Service, given: str, output: Output) -> int:
    """Show what the agent of a run said and did, turn by turn."""
    run = await service.runs.show(given)
    turns = await service.runs.log(run.id)
    if output.as_json:
        output.json(Page[_Turn](items=tuple(_Turn(turn) for turn in turns)))
    elif not turns:
        output.say("no agent has worked on it yet")
    else:
        for turn in turns:
            output.show(*turn_parts(run.workflow, 1, turn))
    return 0


async def cancel(service: Service, given: str, output: Output, *, reason: str) -> int:
    """End a run."""
    run = await service.runs.show(given)
    run = await service.runs.cancel(run.id, by=current_caller().person, reason=reason)
    ended = run.status in RUN_ENDED
    output.say(f"run {run.id} is {run.status}{'' if ended else ': its worker ends it'}")
    if output.as_json:
        output.json(run)
    return 0


async def _needs_repository(runs: RunService, name: str) -> bool:
    try:
        found = await runs.workflow(name)
    except WorkflowNotFound:
        # It may be one of the repository's own.
        return True
    # An agent that is broken is refused with its line, wherever one is.
    return found.needs_repository and not (found.kind == "agent" and found.error)


async def carried_on(runs: RunService, run: RunView, on_event: OnEvent, output: Output) -> RunView:
    """Run it here until it ends; where a worker has it, follow it; where it waits for a better time, wait."""
    holder, seen = "", 0
    while run.status not in RUN_ENDED:
        try:
            run = await runs.advance(run.id, on_event=on_event)
        except EpicHeld as held:
            if held.worker != holder:
                holder, seen = held.worker, max((event.id for event in await runs.events(run.id)), default=0)
                output.note(f"{holder} works on it; this follows", style="dim")
            run, seen = await _followed(runs, run, on_event, seen)
            continue
        if run.status in RUN_ENDED:
            break
        left = (run.retry_at - datetime.now(UTC)).total_seconds() if run.retry_at else _POLL_S
        await asyncio.sleep(min(max(left, _POLL_S), _LONGEST_NAP_S))
    return run


async def _followed(runs: RunService, run: RunView, on_event: OnEvent, seen: int) -> tuple[RunView, int]:
    until = time.monotonic() + _LOOK_S
    while True:
        run = await runs.show(run.id)
        while events := await runs.events(run.id, after=seen):
            for event in events:
                on_event(event)
            seen = events[-1].id
        if run.status is not RunStatus.RUNNING or time.monotonic() >= until:
            return run, seen
        await asyncio.sleep(_POLL_S)


def _sum_up(run: RunView, output: Output) -> int:
    if not output.as_json:
        output.show(*run_parts(run))
    output.say(f"\n{summary(run)}", style="bold")
    if output.as_json:
        output.json(run)
    return STATUS_CODES[run.status]
