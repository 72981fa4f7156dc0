"""Standard input for a protocol: line by line, and let go of at once when the command is to end."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from typing import Final

_CHUNK: Final = 65_536


class InputLines:
    """The lines of standard input, which belongs to nobody else from then on.

    They are read in a thread that the end of the process does not wait for: a read that nobody answers cannot be cancelled.
    """

    def __init__(self) -> None:
        """Take standard input, and begin to read; to be made where a loop runs."""
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._input = os.dup(sys.stdin.fileno())
        # What else this process starts must not read what clients say.
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, sys.stdin.fileno())
        os.close(nothing)
        threading.Thread(target=self._read, name="read-stdin", daemon=True).start()

    async def __aiter__(self) -> AsyncIterator[str]:
        """Every line, until it is closed."""
        while (line := await self._lines.get()) is not None:
            yield line

    def _read(self) -> None:
        begun = b""
        while chunk := self._chunk():
            *lines, begun = (begun + chunk).split(b"\n")
            for line in lines:
                self._hand_on(line.decode("utf-8", "replace"))
        self._hand_on(None)

    def _chunk(self) -> bytes:
        try:
            return os.read(self._input, _CHUNK)
        except OSError:
            return b""

    def _hand_on(self, line: str | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._lines.put_nowait, line)
