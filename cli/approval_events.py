"""The events of approvals, as lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cli.event_line import Data, Line, word


def _opened(data: Data) -> Line:
    return Line(mark="?", text=f"{word(data, 'question') or word(data, 'gate')}", style="bold yellow", aside=word(data, "approval"))


def _decided(data: Data) -> Line:
    return Line(mark="!", text=f"{word(data, 'decision')}, by {word(data, 'by')}", style="bold", aside=word(data, "channel"))


def _voted(data: Data) -> Line:
    text = f"{word(data, 'choice')}, says {word(data, 'by')}: {word(data, 'votes')} of {word(data, 'needed')}"
    return Line(mark="!", text=text, style="bold yellow", aside=word(data, "channel"))


def _needs_person(data: Data) -> Line:
    return Line(mark="?", text=f"waits for a person: {'; '.join(_listed(data, 'why'))}", style="yellow", aside=word(data, "approval"))


def _reminded(data: Data) -> Line:
    whom = ", ".join(_listed(data, "who"))
    return Line(mark="…", text=f"still waits for {whom or 'a person'}", style="yellow", aside=word(data, "approval"))


def _escalated(data: Data) -> Line:
    text = f"nobody decided yet: {', '.join(_listed(data, 'to'))} may decide as well now"
    return Line(mark="↑", text=text, style="bold yellow", aside=word(data, "approval"))


def _expired(data: Data) -> Line:
    then = "the epic ends" if data.get("on_expiry") == "reject" else "the epic is paused"
    return Line(mark="✗", text=f"{word(data, 'why')}: {then}", style="red", aside=word(data, "approval"))


def _listed(data: Data, name: str) -> list[str]:
    value = data.get(name)
    return list(map(str, value)) if isinstance(value, list) else []


APPROVAL_LINES: Final[Mapping[str, Callable[[Data], Line]]] = {
    "approval_opened": _opened,
    "approval_decided": _decided,
    "approval_voted": _voted,
    "approval_needs_person": _needs_person,
    "approval_reminded": _reminded,
    "approval_escalated": _escalated,
    "approval_expired": _expired,
}
"""The line of each kind."""
