"""What the CLI prints while it works, read leniently: what is not known is passed over, for every version has new words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from executors.port import Journal
from executors.tool_names import MCP_TOOL, genie_name
from safety.secrets import redact

_LONGEST: Final = 300
_MOST_NOTES: Final = 500
"""Of a session. An agent can write to its CLI's output: neither the record nor our memory may be filled by what it makes up."""
_MOST_NAMES: Final = 200
_MOST_TOLD: Final = 64 * 1024 * 1024
_HUGE: Final = 1e12
_CONNECTED: Final = frozenset({"connected", "pending"})


def event_in(line: bytes) -> dict[str, Any] | None:
    """Return the event that a line holds; None for a line that holds none."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


@dataclass
class Watch:
    """What has been seen of a session so far."""

    journal: Journal
    known: tuple[str, ...] = ()
    """The ids of the answers that were recorded before: what was printed up to the last of them is not noted again."""
    result: Mapping[str, Any] | None = None
    """The event that ended it."""
    results: list[Any] = field(default_factory=list)
    """What the CLI has said to the model since the last answer: the results of its tools."""
    answers: set[str] = field(default_factory=set)
    """The ids of the answers."""
    notes: int = 0
    """How much was noted."""
    told: int = 0
    """How many bytes `results` came in."""

    @property
    def is_live(self) -> bool:
        """Whether this is news: no worker before this one has read it.

        A CLI that began in the middle of its conversation has not printed what was before, so a new answer tells it as well.
        """
        return not self.known or self.known[-1] in self.answers or not self.answers <= set(self.known)

    async def see(self, event: Mapping[str, Any], size: int = 0) -> None:
        """Take in one event of so many bytes, and note what people who watch should know."""
        kind, subtype = event.get("type"), event.get("subtype")
        if kind == "assistant" and not event.get("parent_tool_use_id"):
            self._answered(event)
        elif kind == "user" and not event.get("parent_tool_use_id"):
            self._told(event, size)
        elif kind == "result":
            self.result = event
        elif kind == "system" and subtype == "init":
            await self._began(event)
        elif kind == "system" and subtype == "api_retry":
            await self._note("agent_retry", _retry(event))
        elif kind == "system" and subtype == "permission_denied":
            said = redact(_line(event.get("message")))
            await self._note("permission_denied", {"tool": genie_name(_line(event.get("tool_name"))), "said": said})

    async def _note(self, kind: str, data: Mapping[str, Any]) -> None:
        if self.is_live and self.notes < _MOST_NOTES:
            self.notes += 1
            await self.journal.noted(kind, data)

    def _answered(self, event: Mapping[str, Any]) -> None:
        # One answer comes as an event for each of its blocks, all with its id, and results of the first may come before the last.
        message = event.get("message")
        answer = str(message.get("id"))[:_LONGEST] if isinstance(message, Mapping) else ""
        if answer not in self.answers:
            self.results, self.told = [], 0
            self.answers.add(answer)

    def _told(self, event: Mapping[str, Any], size: int) -> None:
        message = event.get("message")
        self.told += size
        if not isinstance(message, Mapping) or "content" not in message or self.told > _MOST_TOLD:
            return
        self.results.append({"role": "user", "content": message["content"]})

    async def _began(self, event: Mapping[str, Any]) -> None:
        tools = [_line(tool) for tool in _list(event.get("tools"))[:_MOST_NAMES]]
        facts = {
            "version": _line(event.get("claude_code_version")),
            "model": _line(event.get("model")),
            "session": _line(event.get("session_id")),
            "tools": [genie_name(tool) for tool in tools],
        }
        await self._note("agent_started", facts)
        for server in _list(event.get("mcp_servers")):
            if not isinstance(server, Mapping):
                continue
            name, status = _line(server.get("name")), _line(server.get("status"))
            if status in _CONNECTED:
                count = sum(tool.startswith(f"{MCP_TOOL}{name}__") for tool in tools)
                await self._note("mcp_server_started", {"server": name, "tools": count, "read_only": []})
            else:
                await self._note("mcp_server_missing", {"server": name, "said": status or "its state is not known"})


def _retry(event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "try": _number(event.get("attempt")),
        "status": _number(event.get("error_status")),
        "seconds": None if (wait := _number(event.get("retry_delay_ms"))) is None else round(wait / 1_000, 3),
        "said": redact(_line(event.get("error"))),
    }


def _number(value: Any) -> int | float | None:
    """A number as people know them; neither infinite nor of a thousand digits, which no column takes."""
    return value if isinstance(value, int | float) and -_HUGE < value < _HUGE else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _line(value: Any) -> str:
    return " ".join(str(value or "").split())[:_LONGEST]
