"""An epic's past, looked at: history, show, diff, compare; all from the database and git, no process is asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import RenderableType
from rich.text import Text

from cli.output import Output
from cli.render import heading
from cli.render_comparison import comparison_parts
from cli.render_difference import files_table, size_of, state_lines, state_table
from cli.render_gate import diff_parts
from cli.render_history import history_parts
from cli.render_moment import moment_parts
from cli.service import Service
from engine.history_views import DiffView
from engine.views import MomentView, Page
from epics.errors import MomentNotFound


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What of a difference is shown; with nothing chosen, the state and the files."""

    state: bool = False
    files: bool = False
    stat: bool = False

    @property
    def chosen(self) -> Parts:
        """What is shown."""
        return self if self.state or self.files or self.stat else Parts(state=True, files=True)


async def history(service: Service, epic_id: str, output: Output) -> int:
    """Show the moments of an epic as a tree, the oldest first."""
    epic = await service.epic(epic_id)
    moments = await service.moments(epic.id)
    output.answer(record=Page[MomentView](items=moments), parts=history_parts(epic, moments, output))
    return 0


async def show(service: Service, epic_id: str, given: str | None, output: Output) -> int:
    """Show everything about one moment, the newest if none is named.

    Raises:
        MomentNotFound: if the epic has no such moment, or none at all.
    """
    epic = await service.epic(epic_id)
    n = epic.moment if given is None else await service.moment_number(epic.id, given)
    if n is None:
        raise MomentNotFound(f"epic {epic.id} has no moment yet: there is one for each step that is finished")
    moment = await service.moment(epic.id, n)
    output.answer(record=moment, parts=moment_parts(moment, newest=epic.moment))
    return 0


async def diff(service: Service, epic_id: str, begin: str, end: str | None, output: Output, parts: Parts) -> int:
    """Show what changed between two moments; piped on, the files come as a plain diff, the state as comments above it."""
    epic = await service.epic(epic_id)
    first = await service.moment_number(epic.id, begin)
    last = None if end is None else await service.moment_number(epic.id, end)
    differs = await service.diff(epic.id, begin=first, end=last)
    if output.as_json:
        output.json(differs)
    elif output.person.is_terminal or parts.chosen.stat:
        output.show(*_differences(differs, parts.chosen))
    else:
        sys.stdout.write(_plain(differs, parts.chosen))
    return 0


async def compare(service: Service, left: str, right: str, output: Output, *, with_diff: bool) -> int:
    """Show two epics side by side; with the diff, what differs between their heads is shown too."""
    compared = await service.compare(left, right, with_diff=with_diff)
    output.answer(record=compared, parts=comparison_parts(compared))
    return 0


def _differences(differs: DiffView, parts: Parts) -> Iterator[RenderableType]:
    if parts.state:
        yield heading(f"State, from {_place(differs.from_moment)} to {_place(differs.to_moment)}")
        yield state_table(differs.state) if differs.state else Text(_no_state(differs), style="dim")
    if parts.stat or parts.files:
        yield heading(f"Files: {size_of(differs.files)}")
        yield files_table(differs.files) if differs.files else Text("nothing has changed", style="dim")
    if parts.files and differs.diff:
        yield from diff_parts(differs.diff)


def _plain(differs: DiffView, parts: Parts) -> str:
    lines: list[str] = []
    if parts.state:
        lines = state_lines(differs.state) if differs.state else [f"# {_no_state(differs)}"]
    return "".join(f"{line}\n" for line in lines) + (differs.diff if parts.files else "")


def _no_state(differs: DiffView) -> str:
    return "the state has not changed" if differs.state is not None else "the state is not kept any more of one of the two moments"


def _place(n: int) -> str:
    return f"moment {n}" if n else "where it began"
