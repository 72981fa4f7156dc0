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
    known: int = 0
    """How many answers the worker before this one has seen: what was printed up to them is not noted again."""
    result: Mapping[str, Any] | None = None
    """The event that ended it."""
    results: list[Any] = field(default_factory=list)
    """What the CLI has said to the model since the last answer: the results of its tools."""
    answers: set[str] = field(default_factory=set)
    """The ids of the answers."""

    @property
    def is_live(self) -> bool:
        """Whether this is news: no worker before this one has read it."""
        return len(self.answers) >= self.known

    async def see(self, event: Mapping[str, Any]) -> None:
        """Take in one event, and note what people who watch should know."""
        kind, subtype = event.get("type"), event.get("subtype")
        if kind == "assistant" and not event.get("parent_tool_use_id"):
            self._answered(event)
        elif kind == "user" and not event.get("parent_tool_use_id"):
            self._told(event)
        elif kind == "result":
            self.result = event
        elif kind == "system" and subtype == "init":
            await self._began(event)
        elif kind == "system" and subtype == "api_retry":
            await self._note("agent_retry", _retry(event))
        elif kind == "system" and subtype == "permission_denied":
            said = redact(_line(event.get("message")))
            await self._note("permission_denied", {"tool": genie_name(str(event.get("tool_name", ""))), "said": said})

    async def _note(self, kind: str, data: Mapping[str, Any]) -> None:
        if self.is_live:
            await self.journal.noted(kind, data)

    def _answered(self, event: Mapping[str, Any]) -> None:
        # One answer comes as an event for each of its blocks, all with its id, and results of the first may come before the last.
        message = event.get("message")
        answer = str(message.get("id")) if isinstance(message, Mapping) else ""
        if answer not in self.answers:
            self.results = []
            self.answers.add(answer)

    def _told(self, event: Mapping[str, Any]) -> None:
        message = event.get("message")
        if not isinstance(message, Mapping) or "content" not in message:
            return
        self.results.append({"role": "user", "content": message["content"]})

    async def _began(self, event: Mapping[str, Any]) -> None:
        tools = [str(tool) for tool in _list(event.get("tools"))]
        facts = {
            "version": str(event.get("claude_code_version", "")),
            "model": str(event.get("model", "")),
            "session": str(event.get("session_id", "")),
            "tools": [genie_name(tool) for tool in tools],
        }
        await self._note("agent_started", facts)
        for server in _list(event.get("mcp_servers")):
            if not isinstance(server, Mapping):
                continue
            name, status = str(server.get("name", "")), str(server.get("status", ""))
            if status in _CONNECTED:
                count = sum(tool.startswith(f"{MCP_TOOL}{name}__") for tool in tools)
                await self._note("mcp_server_started", {"server": name, "tools": count, "read_only": []})
            else:
                await self._note("mcp_server_missing", {"server": name, "said": status or "its state is not known"})


def _retry(event: Mapping[str, Any]) -> dict[str, Any]:
    wait = event.get("retry_delay_ms")
    return {
        "try": event.get("attempt"),
        "status": event.get("error_status"),
        "seconds": round(wait / 1_000, 3) if isinstance(wait, int | float) else None,
        "said": redact(_line(event.get("error"))),
    }


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _line(value: Any) -> str:
    return " ".join(str(value or "").split())[:_LONGEST]
