"""The events of races, as lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cli.event_line import Data, Line, word
from cli.words import usd


def _race_begun(data: Data) -> Line:
    entries = data.get("entries")
    forks = list(map(str, entries)) if isinstance(entries, list) else []
    share = f"at most {usd(data.get('share_usd'))} each" if data.get("share_usd") is not None else ""
    return Line(mark="⑂", text=f"{len(forks)} attempts side by side", style="bold cyan", aside=share, more=", ".join(forks))


def _attempt_rests(data: Data) -> Line:
    text = f"tested and reviewed: attempt {word(data, 'attempt')} of {word(data, 'of')} waits to be compared"
    return Line(mark="‖", text=text, style="cyan")


def _race_judged(data: Data) -> Line:
    ranking = data.get("ranking")
    order = [str(entry.get("attempt")) for entry in ranking if isinstance(entry, Mapping)] if isinstance(ranking, list) else []
    text = f"{word(data, 'passed')} of {word(data, 'of')} attempts passed: a person is to pick"
    return Line(mark="?", text=text, style="bold yellow", aside=f"the best first: {', '.join(order)}")


def _attempt_picked(data: Data) -> Line:
    text = f"attempt {word(data, 'attempt')} of {word(data, 'of')} picked by {word(data, 'by')}"
    return Line(mark="✓", text=text, style="bold green", aside=f"→ {word(data, 'next')}", more=word(data, "why"))


def _race_called_off(data: Data) -> Line:
    return Line(mark="■", text=f"the attempts side by side are called off: {word(data, 'why')}", style="yellow")


def _race_hindered(data: Data) -> Line:
    return Line(mark="‖", text=f"the attempts side by side do not go on: {word(data, 'problem')}", style="bold red")


RACE_LINES: Final[dict[str, Callable[[Data], Line]]] = {
    "race_begun": _race_begun,
    "attempt_rests": _attempt_rests,
    "race_judged": _race_judged,
    "attempt_picked": _attempt_picked,
    "race_called_off": _race_called_off,
    "race_hindered": _race_hindered,
}
