"""Requests asked, chosen for, carried on, looked at and ended by a person."""

from __future__ import annotations

import asyncio
from typing import Final

from rich.text import Text

from cli.carrying_on import alive
from cli.errors import ExitCode, Interrupted
from cli.events import event_line
from cli.keyboard import Keyboard
from cli.output import Output
from cli.render_ask import ask_parts, asks_table, scores_table
from cli.service import Service
from engine.routing.orders import Ask
from engine.routing.views import AskView, stands_still
from engine.views import EventView
from epics.asks import ASK_ENDED, AskStatus
from epics.callers import current_caller
from epics.errors import InvalidInput, NotFound

_CODES: Final = {
    AskStatus.DONE: ExitCode.DONE,
    AskStatus.FAILED: ExitCode.FAILED,
    AskStatus.CANCELLED: ExitCode.FAILED,
    AskStatus.NEEDS_CHOICE: ExitCode.WAITING,
    AskStatus.RUNNING: ExitCode.WAITING,
}
"""What a command that carried a request on ends with: what runs still waits for a person."""


async def ask(service: Service, asked: Ask, output: Output, *, explain: bool, detach: bool) -> int:
    """Take a request, show who does which part, and carry it on here unless it is to be left."""
    view, _ = await service.asks.ask(asked)
    if not output.as_json:
        output.show(*ask_parts(view, explain=explain))
    view = await _chosen(service, view, output)
    if view.status is AskStatus.NEEDS_CHOICE:
        return _open(view, output)
    if not detach:
        return await _carried_on(service, view, output)
    if await alive(service):
        output.say(f"\nworkers do it; follow it with: genie asks watch {view.id}")
    else:
        output.say(f"\nno worker is alive: begin one with `genie worker`, or do it here with: genie asks resume {view.id}")
    if output.as_json:
        output.json(view)
    return ExitCode.DONE


async def resume(service: Service, given: str, output: Output) -> int:
    """Carry a request on here."""
    view = await _chosen(service, await service.asks.show(given), output)
    return _open(view, output) if view.status is AskStatus.NEEDS_CHOICE else await _carried_on(service, view, output)


async def choose(service: Service, given: str, agent: str, part: int | None, output: Output) -> int:
    """Say who does a part for which the scores did not tell."""
    view = await service.asks.choose(given, {part or 0: agent})
    if view.status is AskStatus.NEEDS_CHOICE:
        return _open(view, output)
    output.say(f"{view.id} goes on; follow it with: genie asks watch {view.id}, or do it here with: genie asks resume {view.id}")
    if output.as_json:
        output.json(view)
    return ExitCode.DONE


async def watch(service: Service, given: str, output: Output) -> int:
    """Follow a request that any process carries on, until it has ended or waits for a person."""
    view = await service.asks.show(given)
    told: dict[int, str] = {}
    while True:
        for part in view.parts:
            now = part.work_status if part.status == "started" and part.work_status else part.status
            why = f" · {part.error}" if part.status == "waiting" and part.error else ""
            if told.get(part.n) != now + why:
                told[part.n] = now + why
                output.say(f"part {part.n} [{part.agent or '?'}] {now}{f' · {part.work}' if part.work else ''}{why}")
        if stands_still(view):
            return _sum_up(view, output)
        await asyncio.sleep(0.5)
        view = await service.asks.show(view.id)


async def show(service: Service, given: str, output: Output) -> int:
    """Show one request, with the scores."""
    view = await service.asks.show(given)
    output.answer(record=view, parts=ask_parts(view, explain=True))
    return ExitCode.DONE


async def list_asks(service: Service, output: Output, *, status: str | None, repo: str | None, limit: int, cursor: str | None) -> int:
    """List requests, newest first."""
    page = await service.asks.page(status=status, repo=repo, limit=limit, cursor=cursor)
    if output.as_json or page.items:
        output.answer(record=page, parts=[asks_table(page.items)])
    else:
        output.say("there is no such request" if any((status, repo, cursor)) else "nothing was asked for yet; begin with: genie ask TEXT")
    if page.next and not output.as_json:
        output.say(f"there are more: --cursor {page.next}", style="dim")
    return ExitCode.DONE


async def cancel(service: Service, given: str, output: Output, *, reason: str) -> int:
    """End a request with all that does a part of it."""
    view = await service.asks.cancel((await service.asks.show(given)).id, by=current_caller().person, reason=reason)
    output.say(f"{view.id} is {view.status}")
    if output.as_json:
        output.json(view)
    return ExitCode.DONE


async def _chosen(service: Service, view: AskView, output: Output) -> AskView:
    """The request, after a person at the terminal said who does the parts for which the scores did not tell."""
    if view.status is not AskStatus.NEEDS_CHOICE or not output.can_ask:
        return view
    keyboard = Keyboard()
    for part in (part for part in view.parts if part.agent is None):
        output.say(f"\nWho is to do part {part.n}? {part.why}.", style="bold")
        output.show(Text(f"  {part.text}"), scores_table(part))
        while True:
            output.person.print(Text("An agent's name (Enter: leave it for later) > ", style="bold"), end="")
            output.person.file.flush()
            if not (name := await keyboard.line()):
                return view
            try:
                view = await service.asks.choose(view.id, {part.n: name})
            except (InvalidInput, NotFound) as error:
                output.say(f"{error}", style="yellow")
            else:
                break
    return view


async def _carried_on(service: Service, view: AskView, output: Output) -> int:
    def on_part(n: int, work: str, event: EventView) -> None:
        del work
        if (line := event_line(event)) is not None:
            output.person.print(Text(f"{n} ", style="magenta").append_text(line), soft_wrap=True)

    try:
        view = await service.asks.advance(view.id, on_part=on_part)
    except asyncio.CancelledError:
        view = await service.asks.show(view.id)
        raise Interrupted(view.id, goes_on=bool(await alive(service))) from None
    return _sum_up(view, output)


def _sum_up(view: AskView, output: Output) -> int:
    if not output.as_json:
        output.show(Text(""), *ask_parts(view))
    if view.status not in ASK_ENDED:
        for part in view.parts:
            if part.waiting_on is not None:
                output.say(f"part {part.n} waits for you: genie approval show {part.waiting_on}", style="yellow")
            elif part.work is not None and part.work_status == "paused":
                output.say(f"part {part.n} is paused: genie epic resume {part.work}", style="yellow")
        output.say(f"then go on with: genie asks resume {view.id}", style="yellow")
    if output.as_json:
        output.json(view)
    return _CODES[view.status]


def _open(view: AskView, output: Output) -> int:
    for part in (part for part in view.parts if part.agent is None):
        names = ", ".join(f"{score.agent} ({score.score:.2f})" for score in part.scores[:4])
        output.say(f"part {part.n}: {part.why}; there are {names or 'none'}", style="yellow")
        output.say(f"say who does it: genie asks choose {view.id} AGENT --part {part.n}", style="yellow")
    if output.as_json:
        output.json(view)
    return ExitCode.WAITING
