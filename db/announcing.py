"""Telling followers that an epic has new events: after the commit, and many commits at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from epics.errors import StoreUnavailable

#: A person sees no difference, and steps that follow each other quickly are told of together.
PAUSE_S: Final = 0.1

Send = Callable[[list[str]], Awaitable[None]]


class Announcer:
    """Sends the ids of epics that have new events, the first at once and those of the next moments together.

    A notification in the transaction that it tells of makes all writers commit one after the other (durability rule 7), so it is sent
    afterwards. One that is lost with its process costs a follower a second: whoever listens also looks.
    """

    def __init__(self, send: Send) -> None:
        """Begin with nothing to tell."""
        self._send = send
        self._epics: set[str] = set()
        self._sending: asyncio.Task[None] | None = None
        self._pausing = False
        self._closing = False

    def announce(self, epic_id: str) -> None:
        """Have it told that the epic has events that are committed."""
        self._epics.add(epic_id)
        if self._sending is None or self._sending.done():
            self._pausing = False
            self._sending = asyncio.create_task(self._run(), name="announce")

    async def close(self) -> None:
        """Tell at once what is still to be told; nothing may be announced any more."""
        if self._sending is None:
            return
        self._closing = True
        if self._pausing:
            self._sending.cancel()
        await asyncio.wait({self._sending})
        await self._tell()

    async def _run(self) -> None:
        while self._epics:
            await self._tell()
            if self._closing:
                return
            self._pausing = True
            await asyncio.sleep(PAUSE_S)
            self._pausing = False

    async def _tell(self) -> None:
        epics, self._epics = sorted(self._epics), set()
        if not epics:
            return
        try:
            await self._send(epics)
        except StoreUnavailable:
            # Followers look by themselves; and what cannot be told now is in the table all the same.
            return
