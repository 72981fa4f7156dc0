"""A message of the Messages API as the events of a stream, in small pieces, as the fake server sends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any

PIECE = 24


def streamed(message: dict[str, Any]) -> tuple[bytes, ...]:
    """Return the events of the stream, one after the other."""
    return tuple(_sent(event) for event in _events(message))


def error_event(kind: str, said: str) -> bytes:
    """Return the event by which a stream breaks off."""
    return _sent({"type": "error", "error": {"type": kind, "message": said}})


def send_events(
    handler: BaseHTTPRequestHandler, events: Sequence[bytes], headers: Mapping[str, str], *, broken: bool, pause: Callable[[], None]
) -> None:
    """Send events one by one, with a pause in the middle; `broken` ends the connection there."""
    handler.close_connection = broken
    handler.send_response(200)
    for name, value in {**headers, "transfer-encoding": "chunked"}.items():
        handler.send_header(name, value)
    handler.end_headers()
    middle = len(events) // 2
    for at, event in enumerate(events):
        if at == middle and broken:
            return
        if at == middle:
            pause()
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        handler.wfile.flush()
    handler.wfile.write(b"0\r\n\r\n")


def _events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    usage = dict(message["usage"])
    begun = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield {"type": "message_start", "message": begun}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        yield from _block(index, block)
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None},
        "usage": {"output_tokens": usage["output_tokens"]},
    }
    yield {"type": "message_stop"}


def _block(index: int, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "text":
        begun, text, delta, field = {"type": "text", "text": ""}, block["text"], "text_delta", "text"
    else:
        begun, text, delta, field = {**block, "input": {}}, json.dumps(block["input"]), "input_json_delta", "partial_json"
    yield {"type": "content_block_start", "index": index, "content_block": begun}
    for start in range(0, len(text), PIECE):
        piece = {"type": delta, field: text[start : start + PIECE]}
        yield {"type": "content_block_delta", "index": index, "delta": piece}
    yield {"type": "content_block_stop", "index": index}


def _sent(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
