"""An epic's past, looked at: history; all from the database and git, no process is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from cli.output import Output, printable
from cli.render import status_text
from cli.service import Service
from cli.time_tree import Row, in_ascii, tree
from cli.words import ago, sha, shortened, usd
from engine.views import EpicView, MomentView, Page

_TELLING_WIDTH: Final = 30
"""Columns that are left for what a moment tells, before a narrow terminal gets fewer facts."""

_GIVING_WAY: Final = ("SPENT", "AGO", "ATTEMPT", "COMMIT", "COST")
_RIGHT: Final = frozenset({"N", "ATTEMPT", "COST", "SPENT", "AGO"})


async def history(service: Service, epic_id: str, output: Output) -> int:
    """Show the moments of an epic as a tree, the oldest first."""
    epic = await service.epic(epic_id)
    moments = await service.moments(epic.id)
    output.answer(record=Page[MomentView](items=moments), parts=_history(epic, moments, output))
    return 0


def _history(epic: EpicView, moments: Sequence[MomentView], output: Output) -> Iterator[RenderableType]:
    if not moments:
        yield Text(f"epic {epic.id} has no moment yet: there is one for each step that is finished")
        return
    rows = tree(moments)
    can_draw = output.person.encoding.startswith("utf")
    columns = {name: _column(name, rows) for name in ("N", "STEP", "ATTEMPT", "OUTCOME", "COST", "SPENT", "COMMIT", "AGO")}
    lanes = [row.lanes if can_draw else in_ascii(row.lanes) for row in rows]
    indent = max(len(each) for each in lanes)
    widths = {name: max(len(name), *(len(value) for value in values)) for name, values in columns.items()}
    for name in _GIVING_WAY:
        if indent + sum(width + 2 for width in widths.values()) + _TELLING_WIDTH > output.person.width:
            del widths[name]
    yield _line(" " * indent, [Text(_padded(name, name, width), style="dim") for name, width in widths.items()], "", output.person.width)
    for at, row in enumerate(rows):
        facts = [_styled(name, columns[name][at], width, row) for name, width in widths.items()]
        yield _line(lanes[at].ljust(indent), facts if row.moment else [], _telling(row.moment) if row.moment else "", output.person.width)


def _column(name: str, rows: Sequence[Row]) -> list[str]:
    return ["" if row.moment is None else _fact(name, row.moment) for row in rows]


def _fact(name: str, moment: MomentView) -> str:
    match name:
        case "N":
            return str(moment.n)
        case "STEP":
            return str(moment.step)
        case "ATTEMPT":
            return str(moment.attempt or "")
        case "OUTCOME":
            return moment.outcome
        case "COST":
            return usd(moment.step_cost_usd) if moment.step_cost_usd else ""
        case "SPENT":
            return usd(moment.cost_usd)
        case "COMMIT":
            return sha(moment.commit)
        case _:
            return ago(moment.created_at)


def _telling(moment: MomentView) -> str:
    """What a moment says of itself, behind its name and where it went back to."""
    named = f"[{moment.name}]" if moment.name else ""
    back = f"back to {moment.back_to}" if moment.back_to else ""
    return " ".join(filter(None, (named, back, shortened(printable(moment.note), 200))))


def _padded(name: str, value: str, width: int) -> str:
    return value.rjust(width) if name in _RIGHT else value.ljust(width)


def _styled(name: str, value: str, width: int, row: Row) -> Text:
    if not row.is_present:
        return Text(_padded(name, value, width), style="dim")
    style = "bold" if name == "N" else status_text(value).style if name == "OUTCOME" else ""
    return Text(_padded(name, value, width), style=style)


def _line(lanes: str, facts: Sequence[Text], telling: str, width: int) -> Text:
    line = Text("  ").join([Text(lanes, style="cyan"), *facts, Text(telling)])
    line.truncate(width, overflow="ellipsis")
    line.rstrip()
    return line
