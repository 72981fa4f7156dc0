"""Events of containers, each as one line for people who watch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cli.event_line import Data, Line, number, word


def _started(data: Data) -> Line:
    # Events from before commands had containers do not say.
    work = {"setup": "setup ", "tests": "tests "}.get(word(data, "work"), "")
    return Line(mark="·", text=f"{work}in container {word(data, 'container')}", aside=word(data, "image"), deep=True)


def _waits(data: Data) -> Line:
    return Line(mark="…", text=f"waits for memory: {word(data, 'why')}", style="yellow", deep=True)


def _paused(data: Data) -> Line:
    return Line(
        mark="‖", text=f"somebody paused container {word(data, 'container')}: docker unpause lets it go on", style="yellow", deep=True
    )


def _resumed(data: Data) -> Line:
    return Line(mark="▶", text=f"container {word(data, 'container')} goes on", deep=True)


def _denied(data: Data) -> Line:
    times = f"{number(data, 'times'):.0f} times" if number(data, "times") > 1 else ""
    # Without a port it stands for all hosts beyond the first few.
    port = f":{word(data, 'port')}" if number(data, "port") else ""
    said = f"not let out to {word(data, 'host')}{port}"
    return Line(mark="✗", text=said, style="yellow", aside=times, deep=True)


CONTAINER_LINES: Final[Mapping[str, Callable[[Data], Line]]] = {
    "container_started": _started,
    "container_waits": _waits,
    "container_paused": _paused,
    "container_resumed": _resumed,
    "egress_denied": _denied,
}
"""How each is told."""
