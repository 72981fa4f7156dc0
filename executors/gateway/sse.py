"""Server-sent events, read from bytes as they come and written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One event, as it came and as what it says."""

    raw: bytes
    kind: str
    data: Mapping[str, Any]


class Events:
    """Cuts a stream into events; what is not yet whole waits."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Give the events that are whole now.

        Raises:
            ValueError: if one of them is no event of the Messages API.
        """
        text = self._rest + chunk
        if b"\r" in text:
            # A line may end in two ways; a lone end at the end of a chunk is seen again with the next.
            text = text.replace(b"\r\n", b"\n")
        *whole, self._rest = text.split(b"\n\n")
        for part in whole:
            event = _event(part)
            if event is not None:
                yield event


def encoded(data: Mapping[str, Any]) -> bytes:
    """Return an event of the Messages API as bytes; its name is its type."""
    return b"event: %s\ndata: %s\n\n" % (str(data["type"]).encode(), json.dumps(data, ensure_ascii=False).encode(errors="surrogatepass"))


PING = encoded({"type": "ping"})


def _event(part: bytes) -> Event | None:
    lines = [line[5:].removeprefix(b" ") for line in part.split(b"\n") if line.startswith(b"data:")]
    if not lines:
        return None  # a comment, which only keeps the connection open
    data = json.loads(b"\n".join(lines))
    if not isinstance(data, dict):
        message = f"an event holds {type(data).__name__}"
        raise ValueError(message)  # noqa: TRY004  (it is the content that is wrong, as where it is no JSON)
    return Event(raw=part + b"\n\n", kind=str(data.get("type", "")), data=data)
