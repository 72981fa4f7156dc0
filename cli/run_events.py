"""The events of runs, as lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cli.event_line import Data, Line, word
from cli.words import shortened


def _queued(data: Data) -> Line:
    return Line(mark="○", text=f"run queued: {shortened(word(data, 'goal'), 100)}")


def _taken(data: Data) -> Line:
    epoch = data.get("epoch")
    again = isinstance(epoch, int) and epoch > 1
    return Line(mark="▶", text="taken up again" if again else "at work", aside=f"epoch {epoch}" if again else "")


def _postponed(data: Data) -> Line:
    return Line(mark="…", text=f"waits until {word(data, 'until')}: {word(data, 'problem')}", style="yellow")


def _ended(data: Data) -> Line:
    status, problem = word(data, "status"), word(data, "problem")
    if status == "done":
        unpublished = word(data, "unpublished")
        more = f"its branch is not in the repository: {unpublished}" if unpublished else ""
        return Line(mark="★", text=f"done: {word(data, 'summary')}".rstrip(": "), style="bold green", aside=word(data, "branch"), more=more)
    return Line(mark="■", text=f"{status}: {problem}".rstrip(": "), style="bold red", aside=word(data, "branch"))


def _noted(data: Data) -> Line:
    said = data.get("data")
    told = ", ".join(f"{name}: {value}" for name, value in said.items()) if isinstance(said, dict) else ""
    return Line(mark="✎", text=f"{word(data, 'kind')}: {shortened(told, 200)}".rstrip(": "), deep=True)


def _changed(data: Data) -> Line:
    return Line(
        mark="·", text="its code has changed since the run began", aside=f"{word(data, 'from')} → {word(data, 'to')}", style="yellow"
    )


RUN_LINES: Final[dict[str, Callable[[Data], Line]]] = {
    "run_queued": _queued,
    "run_taken": _taken,
    "run_postponed": _postponed,
    "run_ended": _ended,
    "agent_note": _noted,
    "agent_changed": _changed,
}
