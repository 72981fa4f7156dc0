"""What the events of agents' tools say to people who watch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cli.event_line import Data, Line, word
from cli.words import shortened


def _people_told(data: Data) -> Line:
    return Line(mark="»", text=f"attempt {word(data, 'attempt')} says: {word(data, 'text')}", style="bold")


def _task_added(data: Data) -> Line:
    return Line(mark="·", text=f"task {word(data, 'task')} added: {shortened(word(data, 'text'), 100)}", deep=True)


def _task_ended(data: Data) -> Line:
    said = f"task {word(data, 'task')} {word(data, 'state')}: {shortened(word(data, 'text'), 100)}"
    return Line(mark="·", text=said, aside=word(data, "note"), deep=True)


TOOL_LINES: Final[dict[str, Callable[[Data], Line]]] = {
    "people_told": _people_told,
    "task_added": _task_added,
    "task_ended": _task_ended,
}
