"""What people who watch are told of an agent's tool calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from safety.secrets import redact

SUMMARY: Final = 200

_TELLING: Final = ("path", "file_path", "command", "pattern", "glob", "url", "query", "text", "revision", "old")
"""Arguments that say what a call is about, the most telling first."""


def noted_call(
    name: str, given: Mapping[str, Any], turn: int, seconds: float, problem: str = "", *, said: str = "", again: bool = False
) -> dict[str, Any]:
    """Return what people who watch are told of a tool call: never the whole of what was written.

    Args:
        name: the tool.
        given: its arguments.
        turn: in which the model asked for it.
        seconds: how long it took.
        problem: why it failed, if it did.
        said: what the model was told.
        again: whether a crash had cut the turn off, so that the call may have been made before.
    """
    telling = next((str(given[key]) for key in _TELLING if key in given), "")
    noted: dict[str, Any] = {
        "tool": name,
        "on": redact(telling)[:SUMMARY],
        "turn": turn,
        "seconds": round(seconds, 3),
        "ok": not problem,
        "given": len(json.dumps(dict(given), default=str, ensure_ascii=False)),
        "size": len(said),
    }
    if problem:
        noted["problem"] = redact(problem)[:SUMMARY]
    return {**noted, "again": True} if again else noted
