"""Epics carried on in the foreground: start, resume, watch, cancel."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from cli.carrying_on import LEARNS_IN_S, alive, carried_on
from cli.errors import STATUS_CODES, Interrupted
from cli.gates import Gatekeeper
from cli.output import Output
from cli.progress import Progress
from cli.racing import raced, races_on, say_how_to_pick, waits_for_pick
from cli.render_gate import gate_parts
from cli.service import Service
from cli.words import lasted, many, sha, usd
from engine.starting import StartEpic
from engine.views import ApprovalView, EpicView
from epics.approvals import Choice
from epics.callers import current_caller

POLL_S: Final = 0.3
STANDING_STILL: Final = frozenset({"waiting", "paused", "merged", "rejected", "failed", "cancelled"})

_OPTION_OF: Final = {
    Choice.CHANGES: " --comment TEXT",
    Choice.RETRY: " --comment TEXT",
    Choice.ROLLBACK: " --to N",
    Choice.RAISE: " --amount USD",
}


async def start(service: Service, order: StartEpic, output: Output, *, detach: bool) -> int:
    """Start an epic, and carry it on here unless it is to be left."""
    epic = await service.start(replace(order, detached=detach))
    output.say(f"epic {epic.id}", style="bold")
    if not detach:
        return await carry_on(service, epic, output)
    place = f", place {epic.queue_place} in the queue" if epic.queue_place else ""
    if await alive(service):
        output.say(f"queued{place}; follow it with: genie epic watch {epic.id}")
    else:
        output.say(f"queued{place}; no worker is alive: begin one with `genie worker`, or run it here with: genie epic resume {epic.id}")
    if output.as_json:
        output.json(epic)
    return 0


async def resume(service: Service, epic_id: str, output: Output, *, auto_approve: bool | None = None) -> int:
    """Carry an epic on from where it is."""
    epic = await service.epic(epic_id)
    epic = await service.resume(epic.id, auto_approve=auto_approve, by=current_caller().person)
    return await carry_on(service, epic, output)


async def cancel(service: Service, epic_id: str, output: Output, *, reason: str) -> int:
    """Cancel an epic; its branches and moments stay."""
    epic = await service.epic(epic_id)
    epic = await service.cancel(epic.id, by=current_caller().person, reason=reason)
    output.say(f"epic {epic.id} is {epic.status}; its branches and moments stay")
    if output.as_json:
        output.json(epic)
    return 0


async def carry_on(service: Service, epic: EpicView, output: Output) -> int:
    """Run the epic in this process until it ends, or waits and nobody here answers.

    Raises:
        Interrupted: if the command is stopped; the epic can be gone on with.
    """
    gatekeeper = Gatekeeper(service, output) if output.can_ask else None
    progress = Progress(output, epic)
    try:
        while True:
            with progress.live():
                epic = await carried_on(service, epic, progress.on_event, output)
                epic = await raced(service, epic, progress, output)
            if epic.status != "waiting" or gatekeeper is None or not await gatekeeper.settled(epic):
                break
    except asyncio.CancelledError:
        progress.raise_if_unread()
        raise await _interrupted(service, epic) from None
    if epic.status == "waiting":
        await _say_what_it_waits_for(service, epic, output, shown=gatekeeper is not None)
    if waits_for_pick(epic):
        await say_how_to_pick(service, epic, output)
    await _sum_up(service, epic, output)
    # Where no worker is alive, the next epic would know nothing of this one.
    await service.knowledge.settle(LEARNS_IN_S, epic.repo)
    return STATUS_CODES[epic.status]


async def _interrupted(service: Service, epic: EpicView) -> Interrupted:
    """Ctrl-C stops what runs here; what a worker runs goes on, and what is left a worker takes up."""
    epic = await service.epic(epic.id)
    goes_on = epic.status == "running" or (epic.status == "queued" and bool(await alive(service)))
    return Interrupted(epic.id, goes_on=goes_on)


async def watch(service: Service, epic_id: str, output: Output) -> int:
    """Follow an epic that any process carries on, from its first event until it waits or ends; from the database alone."""
    epic = await service.epic(epic_id)
    if epic.status == "queued" and await alive(service):
        place = f"place {epic.queue_place} in the queue" if epic.queue_place else "it waits for a better time"
        output.note(f"no worker has it yet: {place}", style="yellow")
    elif epic.status == "queued":
        output.note(f"nobody works on it at the moment; this waits until somebody does, with: genie epic resume {epic.id}", style="yellow")
    progress = Progress(output, epic)
    seen = 0
    with progress.live():
        while True:
            # The status is read before the events: whatever led to it is among them.
            epic = await service.epic(epic.id)
            while events := await service.events(epic.id, after=seen):
                for event in events:
                    if output.as_json:
                        output.json_line(event)
                    else:
                        progress.on_event(event)
                seen = events[-1].id
            if epic.status in STANDING_STILL and not await races_on(service, epic):
                break
            await asyncio.sleep(POLL_S)
    if epic.status == "waiting" and not output.as_json:
        await _say_what_it_waits_for(service, epic, output, shown=True)
    if waits_for_pick(epic) and not output.as_json:
        await say_how_to_pick(service, epic, output)
    return STATUS_CODES[epic.status]


def say_how_to_decide(approval: ApprovalView, output: Output) -> None:
    """Name the commands that decide an approval, and the one that goes on then."""
    output.say(f"\nwaits for a person: {approval.question}", style="bold yellow")
    output.say("decide it with one of:")
    for choice in approval.options:
        output.say(f"  genie approval {choice} {approval.id}{_OPTION_OF.get(choice, '')}")
    output.say(f"and go on with:\n  genie epic resume {approval.epic}")


async def _say_what_it_waits_for(service: Service, epic: EpicView, output: Output, *, shown: bool) -> None:
    approval = await service.approval(epic.waiting_on or epic.id)
    if not shown:
        output.show(*gate_parts(approval, await service.gate_content(approval.id)))
    say_how_to_decide(approval, output)


async def _sum_up(service: Service, epic: EpicView, output: Output) -> None:
    moments = await service.moments(epic.id)
    facts = [epic.status, f"cost {usd(epic.cost_usd)}", many(len(moments), "moment"), f"in {lasted(epic.created_at, epic.updated_at)}"]
    if epic.race is not None and (race := await service.race(epic.id)).entries:
        facts.insert(2, f"and {usd(race.attempts_cost_usd)} for its attempts side by side")
    if epic.status == "merged":
        facts.append(f"{epic.base} is at {sha(epic.head)}")
    output.say(f"\nepic {epic.id}: {' · '.join(facts)}", style="bold")
    if epic.status in {"queued", "running", "paused"} and not waits_for_pick(epic):
        output.say(f"go on with: genie epic resume {epic.id}")
    if epic.status == "failed" and epic.failure is not None:
        output.say(f"{epic.failure.type}: {epic.failure.cause}", style="red")
    if output.as_json:
        output.json(epic)
