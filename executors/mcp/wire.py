"""The messages of the Model Context Protocol: JSON-RPC as we write it, and what a server says, read with no trust in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Protocol

from epics.agent_errors import McpServerBroken
from tools.output import sayable

PROTOCOL: Final = "2025-11-25"
"""What we offer; a server may answer with an older one."""

SPOKEN: Final = frozenset({"2024-11-05", "2025-03-26", "2025-06-18", PROTOCOL})

LONGEST: Final = 8 * 1024 * 1024
"""Bytes of one message: no tool has more to say to a model, and a server that never ends its line must not fill our memory."""

FLOOD: Final = 64 * 1024 * 1024
"""Bytes without an answer to anything that was asked, after which a server is given up."""

CHANGED: Final = "notifications/tools/list_changed"

_SAID: Final = 300
_METHOD_NOT_FOUND: Final = -32_601


class CallRefused(Exception):
    """The server answered a request with an error: it is well, but will not do this."""


class Connection(Protocol):
    """A server that is connected."""

    tools_changed: bool
    """Whether the server has said that its tools are others now; whoever lists them anew sets it back."""

    @property
    def ended(self) -> str:
        """Why nothing more can be asked; empty while something can."""
        ...

    async def request(self, method: str, params: Mapping[str, Any], *, seconds: float) -> Any:
        """Ask, and return the result.

        Raises:
            CallRefused: if the server answers with an error.
            McpServerBroken: if it does not answer in time, or with what is no answer.
        """
        ...

    async def notify(self, method: str) -> None:
        """Tell something that is not answered; nobody hears it if the server has ended."""
        ...

    async def close(self) -> None:
        """End it with all that belongs to it; more than once does no harm."""
        ...


def encoded(message: Mapping[str, Any]) -> bytes:
    """Return a message as one line."""
    return json.dumps({"jsonrpc": "2.0", **message}, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def message_in(text: bytes) -> dict[str, Any] | None:
    """Return the message that a text is; None for one that is none."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and ("id" in message or "method" in message) else None


def is_answer(message: Mapping[str, Any]) -> bool:
    """Whether a message answers a request."""
    return "method" not in message and ("result" in message or "error" in message)


def result_of(message: Mapping[str, Any]) -> Any:
    """Return the result that an answer has.

    Raises:
        CallRefused: if it has an error.
        McpServerBroken: if its error is none.
    """
    if "error" not in message:
        return message["result"]
    error = message["error"]
    if not isinstance(error, dict):
        raise McpServerBroken("it answered with an error that is none")
    raise CallRefused(one_line(error.get("message")) or f"error {one_line(error.get('code'))}")


def reply_to(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a server is told that asks us something: that we are here, or that we do no such thing."""
    if message.get("method") == "ping":
        return {"id": message["id"], "result": {}}
    return {"id": message["id"], "error": {"code": _METHOD_NOT_FOUND, "message": "this client does no such thing"}}


def one_line(value: Any, most: int = _SAID) -> str:
    """Return the beginning of what a server says, for people."""
    # What is no text and no number may be nested so deeply that it cannot be written.
    said = "" if value is None or isinstance(value, list | dict) else str(value)
    return sayable(" ".join(said[: most * 4].split())[:most])
