"""Questions to the person at the terminal, without stopping the event loop."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Final

_CHUNK: Final = 65_536


class Keyboard:
    """Lines that a person types.

    `input()` would hold the event loop and, through it, Ctrl-C; here a cancelled task stops waiting at once.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = sys.stdin.fileno() if descriptor is None else descriptor
        self._read = b""

    async def line(self, *, unended: bool = False) -> str | None:
        """The next line without its end; None when there will be no more. With `unended`, what stands behind the last end is one too."""
        while b"\n" not in self._read:
            chunk = await self._chunk()
            if not chunk and not (unended and self._read):
                return None
            self._read += chunk or b"\n"
        line, _, self._read = self._read.partition(b"\n")
        return line.decode(errors="replace").strip()

    async def _chunk(self) -> bytes:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        try:
            loop.add_reader(self._descriptor, _set, ready)
        except PermissionError:
            # A file in the place of a keyboard: it is always ready, and cannot be waited for.
            return os.read(self._descriptor, _CHUNK)
        try:
            await ready
        finally:
            loop.remove_reader(self._descriptor)
        return os.read(self._descriptor, _CHUNK)


def _set(ready: asyncio.Future[None]) -> None:
    # The descriptor stays readable until it was read, so this may be called again.
    if not ready.done():
        ready.set_result(None)


def shortest_beginnings(words: Sequence[str]) -> dict[str, str]:
    """For each word the shortest beginning that no other word has."""
    return {
        word: next(
            word[:length]
            for length in range(1, len(word) + 1)
            if length == len(word) or not any(other != word and other.startswith(word[:length]) for other in words)
        )
        for word in words
    }


def menu(words: Sequence[str]) -> str:
    """The words with what must be typed in brackets: `[a]pprove [c]hanges`."""
    return "  ".join(f"[{start}]{word[len(start) :]}" for word, start in shortest_beginnings(words).items())


def choice_in(line: str, words: Sequence[str]) -> tuple[str, str] | None:
    """The word that a line begins with, which may be shortened, and the rest of the line as a comment; None if it is not clear."""
    typed, _, rest = line.strip().partition(" ")
    matches = [word for word in words if typed and word.startswith(typed.lower())]
    return (matches[0], rest.strip()) if len(matches) == 1 else None
