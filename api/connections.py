"""Connections: so many, and none that keeps the server waiting for a request that never ends."""

from __future__ import annotations

import asyncio
import resource
from typing import ClassVar, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_S: Final = 10.0
"""So long the line and the headers of a request may take to arrive; bodies have the time of their route."""

_SHARE: Final = 0.75
"""Of the open files that this process may have: the database, git and the log need some too."""


def most_connections() -> int:
    """How many connections there may be."""
    return int(resource.getrlimit(resource.RLIMIT_NOFILE)[0] * _SHARE)


class PatientProtocol(H11Protocol):
    """HTTP as uvicorn speaks it, with an end to its patience: by itself it waits for ever for the rest of a request."""

    headers_s: ClassVar[float] = HEADERS_S
    most: ClassVar[int | None] = None
    """How many connections there may be; None for as many as `most_connections` says."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        """Begin to wait for a request, or hang up where there are too many connections already."""
        super().connection_made(transport)
        if len(self.connections) > (self.most if self.most is not None else most_connections()):
            transport.abort()
            return
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; once all headers of a request have, there is nothing to wait for until the next one begins."""
        super().data_received(data)
        if self._is_answering():
            self._arrived()
        elif self._waiting is None:
            self._wait()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(self.headers_s, self._hang_up)

    def _arrived(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _hang_up(self) -> None:
        self._waiting = None
        if not self._is_answering() and self.transport is not None:
            self.transport.close()
