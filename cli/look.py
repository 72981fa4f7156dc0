"""Epics looked at: list, show, logs, diff; all from the database and git, no process is asked."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

from rich.console import RenderableType
from rich.text import Text

from cli.output import Output, printable
from cli.render import attempts_table, epic_facts, epics_table, heading, moments_table
from cli.render_gate import diff_parts
from cli.service import Service
from cli.words import shortened
from engine.views import AttemptView, EpicView, Page, SetupView
from epics.errors import InvalidInput
from epics.records import Record

POLL_S: Final = 0.5
SHOWN_OF_A_TEXT: Final = 4_000
SHOWN_OF_AN_ARGUMENT: Final = 200
HANDED_OVER: Final = "Final result processed."
"""What is answered to an output that was taken; one that was not taken is answered with what is wrong."""


class Changes(Record):
    """The diff of an epic, as `genie epic diff --json` prints it."""

    epic: str
    base: str
    head: str | None
    diff: str


class LoggedTurn(Record):
    """A turn of an attempt, as `genie epic logs --json` prints it."""

    attempt: int
    turn: Mapping[str, Any]


async def list_epics(service: Service, output: Output, *, status: str | None, repo: str | None, limit: int, cursor: str | None) -> int:
    """List epics, newest first."""
    page = await service.epics(status=status, repo=repo, limit=limit, cursor=cursor)
    output.answer(record=page, parts=_epics(page, narrowed=any((status, repo, cursor))))
    return 0


async def show(service: Service, epic_id: str, output: Output) -> int:
    """Show one epic with its moments and attempts."""
    epic = await service.epic(epic_id)
    if output.as_json:
        output.json(epic)
        return 0
    attempts, running = await service.attempts(epic.id), epic.status == "running"
    at_work = next((attempt.n for attempt in attempts if running and attempt.ended_at is None), None)
    output.show(epic_facts(epic, at_work=at_work))
    if moments := await service.moments(epic.id):
        output.show(heading("Moments"), moments_table(moments))
    if attempts:
        output.show(heading("Attempts"), attempts_table(attempts, running=running))
    if following := _what_next(epic):
        output.say(f"\n{following}", style="yellow")
    return 0


def _what_next(epic: EpicView) -> str:
    match epic.status:
        case "waiting":
            return f"see what it waits for: genie approval show {epic.waiting_on or epic.id}"
        case "queued" | "paused":
            return f"go on with: genie epic resume {epic.id}"
        case "running":
            return f"follow it with: genie epic watch {epic.id}"
        case _:
            return f"see what it changed: genie epic diff {epic.id}" if epic.branch else ""


async def diff(service: Service, epic_id: str, output: Output) -> int:
    """Show what the epic has changed so far; as plain text where it is piped on."""
    epic = await service.epic(epic_id)
    changes = await service.changes(epic.id)
    if output.as_json:
        output.json(Changes(epic=epic.id, base=epic.base, head=epic.head, diff=changes))
    elif output.person.is_terminal:
        output.show(*diff_parts(changes) if changes else [Text("nothing has changed yet")])
    else:
        sys.stdout.write(changes)
    return 0


async def logs(service: Service, epic_id: str, output: Output, *, attempt: int | None, follow: bool) -> int:
    """Show what the agents said and did, turn by turn."""
    epic = await service.epic(epic_id)
    known = await service.attempts(epic.id)
    if attempt is not None and attempt not in {each.n for each in known}:
        raise InvalidInput(f"epic {epic.id} has no attempt {attempt}; it has {len(known)}: see genie epic show {epic.id}")
    seen: set[tuple[int, int]] = set()
    turns: list[LoggedTurn] = []
    if not known and not follow and not output.as_json:
        output.say("no agent has worked on it yet")
    while True:
        # Read before the turns, so that none is missed that came between.
        epic = await service.epic(epic.id)
        await _show_beginnings(service, epic, output, attempt, seen)
        async for each, turn in _new_turns(service, epic, attempt, seen):
            logged = LoggedTurn(attempt=each.n, turn=turn)
            if not output.as_json:
                output.show(*turn_parts(each.workflow, each.n, turn))
            elif follow:
                output.json_line(logged)
            else:
                turns.append(logged)
        if not follow or epic.status not in {"running", "queued"}:
            break
        await asyncio.sleep(POLL_S)
    if output.as_json and not follow:
        output.json(Page[LoggedTurn](items=tuple(turns)))
    return 0


async def _new_turns(
    service: Service, epic: EpicView, wanted: int | None, seen: set[tuple[int, int]]
) -> AsyncIterator[tuple[AttemptView, Mapping[str, Any]]]:
    """The turns that are not in `seen` and are complete, or never will be."""
    for attempt in await service.attempts(epic.id):
        if wanted is not None and attempt.n != wanted:
            continue
        for turn in await service.attempt_log(epic.id, attempt.n):
            key = (attempt.n, turn["n"])
            complete = turn.get("results") or not turn.get("tool_calls") or attempt.ended_by is not None or epic.status != "running"
            if complete and key not in seen:
                seen.add(key)
                yield attempt, turn


async def _show_beginnings(service: Service, epic: EpicView, output: Output, wanted: int | None, seen: set[tuple[int, int]]) -> None:
    """Show what came of making work trees ready, and what briefs recall; in `seen` it is as a turn before the first. Lists have neither."""
    for attempt in () if output.as_json else await service.attempts(epic.id):
        if wanted not in {None, attempt.n} or (attempt.n, 0) in seen:
            continue
        seen.add((attempt.n, 0))
        if attempt.setup is not None:
            output.show(*_setup_parts(await service.setup_log(epic.id, attempt.n)))
        if attempt.recalled:
            output.show(*_recalled_parts(attempt))


def _recalled_parts(attempt: AttemptView) -> Iterator[RenderableType]:
    yield Text(f"\n{attempt.workflow} · attempt {attempt.n} · its brief tells of", style="bold cyan")
    for memory in attempt.recalled:
        yield Text(f"memory {memory.id} ({memory.group}, {memory.source})", style="dim")


def _setup_parts(setup: SetupView) -> Iterator[RenderableType]:
    ended = "timed out" if setup.timed_out else f"exit {setup.exit_code}"
    said = f"{printable(setup.command)} · {ended} · {setup.seconds:.1f} s" if setup.command else "nothing to run"
    yield Text(f"\nsetup · attempt {setup.attempt} · {said}", style="bold cyan")
    yield Text(_capped(setup.log), style="dim")


def turn_parts(workflow: str, attempt: int, turn: Mapping[str, Any]) -> Iterator[RenderableType]:
    """One turn for people: what was said, which tools were called, what they gave."""
    yield Text(f"\n{workflow} · attempt {attempt} · turn {turn['n']} · {printable(str(turn.get('model') or ''))}", style="bold cyan")
    if turn.get("answer_text"):
        yield Text(_capped(str(turn["answer_text"])))
    for call in turn.get("tool_calls") or ():
        yield Text(
            f"→ {printable(str(call.get('name')))} {shortened(printable(str(call.get('args'))), SHOWN_OF_AN_ARGUMENT)}", style="green"
        )
    for result in turn.get("results") or ():
        if result.get("content") == HANDED_OVER:
            continue  # the call above it says what was handed over; this only says that it was
        yield Text(f"← {printable(str(result.get('name')))}", style="dim")
        yield Text(_capped(str(result.get("content"))), style="dim")


def _capped(text: str) -> str:
    clean = printable(text)
    return (
        clean if len(clean) <= SHOWN_OF_A_TEXT else f"{clean[:SHOWN_OF_A_TEXT]}… ({len(clean) - SHOWN_OF_A_TEXT:,} more characters: --json)"
    )


def _epics(page: Page[EpicView], *, narrowed: bool) -> Iterator[RenderableType]:
    if not page.items:
        none = "there is no such epic; for all of them: genie epic list"
        yield Text(none if narrowed else "there is no epic yet; begin with: genie epic start GOAL")
        return
    yield epics_table(page.items)
    if page.next:
        yield Text(f"there are more: --cursor {page.next}", style="dim")
