"""What people who watch are told of an agent's tool calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safety.secrets import redact

SUMMARY = 200


def noted_call(name: str, given: Mapping[str, Any], turn: int, seconds: float, problem: str = "") -> dict[str, Any]:
    """Return what people who watch are told of a tool call: never the whole of what was written."""
    telling = next((str(given[key]) for key in ("path", "file_path", "command", "pattern", "glob") if key in given), "")
    noted: dict[str, Any] = {"tool": name, "on": redact(telling)[:SUMMARY], "turn": turn, "seconds": round(seconds, 3), "ok": not problem}
    if problem:
        noted["problem"] = redact(problem)[:SUMMARY]
    return noted
