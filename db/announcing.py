"""Telling followers that an epic has new events: after the commit, and many commits at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from epics.errors import StoreUnavailable

#: A person sees no difference, and steps that follow each other quickly are told of together.
PAUSE_S: Final = 0.05

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

    def announce(self, epic_id: str) -> None:
        """Have it told that the epic has events that are committed."""
        self._epics.add(epic_id)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._run(), name="announce")

    async def close(self) -> None:
        """Wait until all is told; nothing may be announced any more."""
        if self._sending is not None:
            await asyncio.wait({self._sending})

    async def _run(self) -> None:
        while self._epics:
            await self._tell()
            await asyncio.sleep(PAUSE_S)

    async def _tell(self) -> None:
        epics, self._epics = sorted(self._epics), set()
        try:
            await self._send(epics)
        except StoreUnavailable:
            # Followers look by themselves; and what cannot be told now is in the table all the same.
            return
