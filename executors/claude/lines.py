"""Lines put together from the pieces in which they come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

LONGEST: Final = 64 * 1024 * 1024
"""Of a line: a longer one is nothing that a CLI says."""


class Lines:
    """Puts lines together, each piece looked at once; a line without end takes no more than `longest` bytes, and is left out."""

    def __init__(self, longest: int = LONGEST) -> None:
        """Begin with nothing heard."""
        self._longest = longest
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Take the next piece, and give the lines that it ends."""
        *ends, rest = piece.split(b"\n")
        for end in ends:
            self._add(end)
            if self._size <= self._longest:
                yield b"".join(self._parts)
            self._parts, self._size = [], 0
        self._add(rest)

    def last(self) -> bytes:
        """Return what came after the last end of a line."""
        return b"".join(self._parts) if self._size <= self._longest else b""

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._longest:
            self._parts.append(part)
        else:
            self._parts = []
