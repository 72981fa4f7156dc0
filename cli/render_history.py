"""The moments of an epic as a tree for people: one line each, whatever the width of the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from cli.output import Output, printable
from cli.render import status_text
from cli.time_tree import Row, in_ascii, tree
from cli.words import ago, sha, shortened, usd
from engine.views import EpicView, MomentView

_TELLING_WIDTH: Final = 30
"""Columns that are left for what a moment tells, before a narrow terminal gets fewer facts."""

_NAMES: Final = ("N", "STEP", "ATTEMPT", "OUTCOME", "COST", "SPENT", "COMMIT", "AGO", "BY")
_GIVING_WAY: Final = ("SPENT", "AGO", "ATTEMPT", "COMMIT", "COST", "BY")
_RIGHT: Final = frozenset({"N", "ATTEMPT", "COST", "SPENT", "AGO"})


def history_parts(epic: EpicView, moments: Sequence[MomentView], output: Output) -> Iterator[RenderableType]:
    """The tree, under the names of its columns and, for a fork, under where it comes from."""
    if epic.forked_from:
        yield Text(f"forked from {epic.forked_from} at its moment {epic.forked_at}: genie time history {epic.forked_from}", style="dim")
    if not moments:
        yield Text(f"epic {epic.id} has no moment yet: there is one for each step that is finished")
        return
    rows, most = tree(moments), output.person.width
    can_draw = output.person.encoding.startswith("utf")
    lanes = [row.lanes if can_draw else in_ascii(row.lanes) for row in rows]
    indent = max(len(each) for each in lanes)
    columns = {name: values for name in _NAMES if any(values := [_fact(name, row.moment) for row in rows])}
    widths = {name: max(len(name), *map(len, values)) for name, values in columns.items()}
    for name in _GIVING_WAY:
        if indent + sum(width + 2 for width in widths.values()) + _TELLING_WIDTH > most:
            widths.pop(name, None)
    yield _line(" " * indent, [Text(_padded(name, name, width), style="dim") for name, width in widths.items()], "", most)
    for at, row in enumerate(rows):
        facts = [_styled(name, columns[name][at], width, row) for name, width in widths.items()] if row.moment else []
        yield _line(lanes[at].ljust(indent), facts, _telling(row), most)


def _fact(name: str, moment: MomentView | None) -> str:
    if moment is None:
        return ""
    return {
        "N": str(moment.n),
        "STEP": str(moment.step),
        "ATTEMPT": str(moment.attempt or ""),
        "OUTCOME": moment.outcome,
        "COST": usd(moment.step_cost_usd) if moment.step_cost_usd else "",
        "SPENT": usd(moment.cost_usd) if moment.step_cost_usd is not None else "",
        "COMMIT": sha(moment.commit),
        "AGO": ago(moment.created_at),
        "BY": shortened(printable(moment.decided_by or ""), 20),
    }[name]


def _telling(row: Row) -> str:
    """What a moment says of itself, behind its name, where it went back to, and what was forked from it."""
    moment = row.moment
    if moment is None:
        return "0: where the epic began" if row.is_beginning else ""
    named = f"[{moment.name}]" if moment.name else ""
    # The note of a rollback says where to; that of a decision at a gate says who.
    back = f"back to {moment.back_to}:" if moment.back_to is not None and moment.outcome != "rolled_back" else ""
    forks = f"(forked: {', '.join(moment.forks)})" if moment.forks else ""
    return " ".join(filter(None, (named, back, forks, shortened(printable(moment.note), 200))))


def _padded(name: str, value: str, width: int) -> str:
    return value.rjust(width) if name in _RIGHT else value.ljust(width)


def _styled(name: str, value: str, width: int, row: Row) -> Text:
    if not row.is_present:
        return Text(_padded(name, value, width), style="dim")
    style = "bold" if name == "N" else status_text(value).style if name == "OUTCOME" else ""
    return Text(_padded(name, value, width), style=style)


def _line(lanes: str, facts: Sequence[Text], telling: str, most: int) -> Text:
    """One line that never breaks: Rich joins texts before it prints them, and forgets that they should not be wrapped."""
    line = Text("  ").join([Text(lanes, style="cyan"), *facts, Text(telling)])
    line.rstrip()
    line.truncate(most, overflow="ellipsis")
    return line
