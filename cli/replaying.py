"""Replays from the command line: an epic told step by step, compared with its record, gone on with; histories checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from cli.drive import carry_on
from cli.errors import ExitCode
from cli.output import Output, printable
from cli.words import many, sha, usd
from engine.access.role_table import Needed, Of
from engine.engine import Engine
from engine.time_machine.orders import Fork
from engine.time_machine.replay_views import Check, Checked, Difference, Replay, ReplayedMoment
from epics.callers import current_caller
from epics.roles import Deed

_STYLES: Final = {"same": "green", "changed": "yellow", "breaks": "bold red", "not checked": "yellow"}


_COMPARED: Final = {"state": "state", "brief": "brief", "turns": "conversation", "files": "tree"}


@dataclass(frozen=True, kw_only=True)
class Onwards:
    """How an epic is gone on with for real."""

    at: str
    guidance: str
    model: str | None
    executor: str | None
    budget_usd: Decimal | None
    auto_approve: bool


async def replay(engine: Engine, epic_id: str, output: Output, *, verify: bool) -> int:
    """Tell an epic step by step; where it is to be compared, end with 1 if anything differs."""
    found = await engine.replaying.replay(epic_id, verify=verify)
    output.answer(record=found, parts=_told(found))
    return ExitCode.FAILED if verify and found.first_difference is not None else ExitCode.DONE


async def check(engine: Engine, place: Path | None, output: Output) -> int:
    """Hold histories against this Genie; end with 1 if one would not go on as it did."""

    def show(item: Checked) -> None:
        if not output.as_json:
            output.show(*_checked(item))

    replaying = engine.replaying
    found = await (replaying.check_all(on_checked=show) if place is None else replaying.check_saved(place, on_checked=show))
    if output.as_json:
        output.json(found)
    else:
        output.show(*_in_all(found, saved=place is not None))
    return ExitCode.FAILED if found.breaking else ExitCode.DONE


async def go_on(engine: Engine, epic_id: str, onwards: Onwards, output: Output) -> int:
    """Fork an epic at a moment, and carry the fork on here."""
    source = await engine.epic(epic_id)
    # To replay needs no more than to read; this is another deed.
    await engine.guarding.permit(Needed(Deed.TRAVEL, Of.EPIC), source.id)
    n = 0 if onwards.at == "0" else await engine.moment_number(source.id, onwards.at)
    asked = Fork(
        at=n,
        by=current_caller().person,
        guidance=onwards.guidance,
        model=onwards.model,
        executor=onwards.executor,
        budget_usd=onwards.budget_usd,
    )
    epic = await engine.fork(source.id, asked)
    output.say(f"epic {epic.id} goes on from moment {n} of {source.id}, at {epic.step}", style="bold")
    return await carry_on(
        engine, await engine.resume(epic.id, auto_approve=onwards.auto_approve or None, by=current_caller().person), output
    )


def _told(found: Replay) -> Iterator[RenderableType]:
    goal = printable(found.goal.strip()).partition("\n")[0]
    yield Text(f"epic {found.epic}, {found.status}: {goal}", style="bold", overflow="ellipsis", no_wrap=True)
    for moment in found.moments:
        yield from _moment(moment)
    for said in found.without_moment:
        yield Text(f"\n{printable(said)}", style="yellow")
    yield from _verdict(found)


def _moment(moment: ReplayedMoment) -> Iterator[RenderableType]:
    which = f", attempt {moment.attempt}" if moment.attempt else ""
    name = f" ({moment.name})" if moment.name else ""
    line = Text(f"\n{moment.n}{name} {moment.step}{which}: ", style="bold")
    line.append(f"{moment.outcome}, then {moment.led_to}", style="")
    line.append(f" · {sha(moment.commit)} · {usd(moment.cost_usd)} so far", style="dim")
    yield line
    if moment.back_to is not None:
        yield Text(f"  went back to moment {moment.back_to}" if moment.back_to else "  went back to where it began")
    if moment.note:
        yield Text(f"  {printable(moment.note)}")
    for turn in moment.turns:
        yield Text(f"    {printable(turn)}", style="dim")
    for why in moment.unchecked:
        yield Text(f"  not checked: {printable(why)}", style="yellow")
    for difference in moment.differences:
        yield from _difference(difference)


def _difference(difference: Difference) -> Iterator[RenderableType]:
    yield Text(f"  differs: {printable(difference.what)}", style="red")
    yield Text(f"    recorded  {printable(difference.recorded)}", style="red")
    yield Text(f"    now       {printable(difference.now)}", style="red")


def _verdict(found: Replay) -> Iterator[RenderableType]:
    first = found.first_difference
    unchecked = sum(bool(moment.unchecked) for moment in found.moments)
    if first is not None:
        yield Text(f"\nthe first difference is at moment {first.moment}: {printable(first.what)}", style="bold red")
        yield Text(f"  recorded  {printable(first.recorded)}\n  now       {printable(first.now)}", style="red")
        return
    counted = Counter(what for moment in found.moments for what in moment.compared)
    compared = ", ".join(many(counted[what], noun) for what, noun in _COMPARED.items() if counted[what])
    left_out = f"; at {many(unchecked, 'moment')} something could not be compared, see above" if unchecked else ""
    said = f"\n{many(len(found.moments), 'moment')} as recorded: {compared or 'nothing to compare'}{left_out}"
    yield Text(said, style="yellow" if unchecked else "green")
    others = sum(bool(moment.attempt) and "turns" not in moment.compared for moment in found.moments)
    if found.verified and others:
        yield Text(f"{many(others, 'attempt')} did not run in process: taken by outcome and files, not turn by turn", style="dim")
    if not found.verified:
        yield Text(f"compare turns and files too with: genie replay {found.epic} --verify")


def _checked(item: Checked) -> Iterator[RenderableType]:
    source = "" if item.source == "database" else f" ({item.source})"
    line = Text(f"{item.epic}{source}: ")
    line.append(item.result, style=_STYLES[item.result])
    line.append(f", {item.status}, {many(item.moments, 'moment')}{'; ' + item.goes_on if item.goes_on else ''}")
    yield line
    if item.why:
        yield Text(f"  {printable(item.why)}", style="yellow")
    shown = [each for each in item.differences if each.breaks] or list(item.differences)
    for difference in shown[:1]:
        yield Text(f"  moment {difference.moment}: {printable(difference.what)}")
        yield Text(f"    recorded  {printable(difference.recorded)}\n    now       {printable(difference.now)}")
    if len(item.differences) > 1:
        yield Text(f"  and {many(len(item.differences) - 1, 'more difference')}", style="dim")


def _in_all(found: Check, *, saved: bool) -> Iterator[RenderableType]:
    number = many(len(found.items), "saved history" if saved else "epic").replace("historys", "histories")
    if found.breaking:
        would = "would not go on as they did" if saved else "in flight would break"
        yield Text(f"\n{number} checked; {len(found.breaking)} {would}: {', '.join(found.breaking)}", style="bold red")
    else:
        yield Text(f"\n{number} checked; none {'goes another way' if saved else 'in flight would break'}", style="green")
