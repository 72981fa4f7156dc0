"""A message of the Messages API put together from the events of its stream, and taken apart again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from executors.gateway.sse import Event, encoded

_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
"""Kinds of deltas, and the field of the block to whose end each adds."""

_GROWS = {"text": ("text", "text_delta"), "thinking": ("thinking", "thinking_delta")}
_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


class Assembly:
    """Puts the events of one stream together."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self.message: dict[str, Any] = {}
        """The message so far; whole when `complete`."""
        self.complete = False
        self._blocks: dict[int, dict[str, Any]] = {}
        self._inputs: dict[int, str] = {}

    def feed(self, event: Event) -> None:
        """Take the next event.

        Raises:
            ValueError: if it does not fit those before it.
        """
        data = event.data
        try:
            match event.kind:
                case "message_start":
                    self.message = {**data["message"], "content": []}
                case "content_block_start":
                    self._blocks[data["index"]] = dict(data["content_block"])
                case "content_block_delta":
                    self._grow(data["index"], data["delta"])
                case "content_block_stop":
                    self._close(data["index"])
                case "message_delta":
                    self._end(data)
                case "message_stop":
                    self.message["content"] = [self._blocks[index] for index in sorted(self._blocks)]
                    self.complete = "usage" in self.message
                case _:
                    pass  # pings, and kinds that later versions of the API add
        except (KeyError, TypeError, AttributeError) as exc:
            message = f"an event {event.kind!r} of the stream does not fit: {exc!r}"
            raise ValueError(message) from exc

    def see_whole(self) -> None:
        """See that the message is whole.

        Raises:
            ValueError: if the stream ended before it was.
        """
        if not self.complete:
            message = "the stream ended before its message did"
            raise ValueError(message)

    def runs_tool(self, event: Event) -> bool:
        """Say whether this event, which was taken already, makes the CLI run a tool."""
        return event.kind == "content_block_stop" and self._blocks[event.data["index"]].get("type") == "tool_use"

    def _grow(self, index: int, delta: Mapping[str, Any]) -> None:
        block, kind = self._blocks[index], delta["type"]
        if kind == "input_json_delta":
            self._inputs[index] = self._inputs.get(index, "") + delta["partial_json"]
        elif kind == "citations_delta":
            block["citations"] = [*(block.get("citations") or []), delta["citation"]]
        elif kind in _DELTAS:
            field = _DELTAS[kind]
            block[field] = block.get(field, "") + delta[field]

    def _close(self, index: int) -> None:
        text = self._inputs.pop(index, "")
        if not text:
            return
        try:
            self._blocks[index]["input"] = json.loads(text)
        except json.JSONDecodeError:
            # Cut off by the limit of tokens: nobody can run it, and the CLI says so by itself.
            self._blocks[index]["input"] = {}

    def _end(self, data: Mapping[str, Any]) -> None:
        self.message.update(data["delta"])
        told = {name: value for name, value in data.get("usage", {}).items() if value is not None}
        self.message["usage"] = {**self.message.get("usage", {}), **told}
        self.message.update({key: value for key, value in data.items() if key not in {"type", "delta", "usage"}})


def stream_of(message: Mapping[str, Any]) -> Iterator[bytes]:
    """Return the events of a stream that gives this message, whole blocks at a time."""
    usage = message.get("usage", {})
    begun = {**message, "content": [], "stop_reason": None, "stop_sequence": None, "usage": {**usage, "output_tokens": 0}}
    yield encoded({"type": "message_start", "message": begun})
    for index, block in enumerate(message.get("content", ())):
        yield from _block(index, block)
    stop = {"stop_reason": message.get("stop_reason"), "stop_sequence": message.get("stop_sequence")}
    yield encoded({"type": "message_delta", "delta": stop, "usage": usage})
    yield encoded({"type": "message_stop"})


def _block(index: int, block: Mapping[str, Any]) -> Iterator[bytes]:
    kind = block.get("type", "")
    empty: dict[str, Any] = dict(block)
    deltas = list[dict[str, Any]]()
    if kind in _GROWS:
        field, grows = _GROWS[kind]
        deltas.append({"type": grows, field: block.get(field, "")})
        empty[field] = ""
    if kind == "thinking" and block.get("signature"):
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
        empty["signature"] = ""
    if kind in _CALLS:
        deltas.append({"type": "input_json_delta", "partial_json": json.dumps(block.get("input", {}), ensure_ascii=False)})
        empty["input"] = {}
    if kind == "text" and block.get("citations"):
        deltas += [{"type": "citations_delta", "citation": citation} for citation in block["citations"]]
        empty["citations"] = []
    yield encoded({"type": "content_block_start", "index": index, "content_block": empty})
    for delta in deltas:
        yield encoded({"type": "content_block_delta", "index": index, "delta": delta})
    yield encoded({"type": "content_block_stop", "index": index})
