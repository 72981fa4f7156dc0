"""Following what a container prints, by a thread of its own that ends when nobody listens any more."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator
from typing import Any, Final

from epics.errors import GenieError
from executors.containers.daemon import Daemon

_PIECES: Final = 64
_LOOK_S: Final = 1.0


class _Line:
    """Pieces on their way from the thread that reads to the loop that listens; no more than a few are under way."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._room = threading.Semaphore(_PIECES)
        self._closed = threading.Event()

    def pass_on(self, stream: Any) -> None:
        """Read to the end; in the thread."""
        with contextlib.suppress(Exception):  # it was closed, or the daemon went away: whoever listens looks why
            for piece in stream:
                while not self._room.acquire(timeout=_LOOK_S):
                    if self._closed.is_set():
                        return
                self._loop.call_soon_threadsafe(self.pieces.put_nowait, piece)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.pieces.put_nowait, None)

    async def next(self) -> bytes | None:
        piece = await self.pieces.get()
        self._room.release()
        return piece

    def close(self) -> None:
        self._closed.set()


async def follow(daemon: Daemon, container: str, *, errors_too: bool = False) -> AsyncGenerator[bytes]:
    """What a container has printed and prints, in pieces as they come, until it ends or the daemon goes away.

    Raises:
        DaemonLost: if the daemon does not answer.
        ContainerGone: if there is no such container.
    """
    stream = await daemon.ask_to_open(
        lambda client: client.logs(container, stdout=True, stderr=errors_too, stream=True, follow=True), _close
    )
    line = _Line()
    threading.Thread(target=line.pass_on, args=(stream,), name=f"follow-{container[:12]}", daemon=True).start()
    try:
        while (piece := await line.next()) is not None:
            yield piece
    finally:
        line.close()
        _close(stream)


def _close(stream: Any) -> None:
    # The thread waits for the next piece: this wakes it. Where the other side has closed first, the library fails and leaves it open.
    with contextlib.suppress(Exception):
        stream.close()
    with contextlib.suppress(Exception):
        stream._response.close()  # noqa: SLF001  # there is no other way to it


async def printed(daemon: Daemon, container: str, *, errors: bool, tail: int | None = None) -> bytes:
    """What a container has printed by now to one of its two outputs; nothing where the daemon does not say."""
    try:
        found = await daemon.ask(
            lambda client: client.logs(container, stdout=not errors, stderr=errors, stream=False, tail="all" if tail is None else tail)
        )
    except GenieError:
        return b""
    return bytes(found)
