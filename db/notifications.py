"""Hearing of new events: one connection that listens, for any number of followers in this process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import structlog
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from db.connection import CONNECTION_KWARGS, Connection
from db.failures import foreseen
from db.queries import QUERIES
from epics.errors import StoreUnavailable

#: How often it looks for events that nobody announced: of a process that died between its commit and the announcement.
LOOK_S: Final = 1.0
_AGAIN_AFTER_S: Final = 0.5


class Listener:
    """Wakes followers when an epic has new events; what those are they read themselves.

    It holds one connection of its own, so that following takes none of the pool, and one number for each epic that is followed.
    """

    def __init__(self, dsn: str) -> None:
        """Begin with nobody who follows."""
        self._dsn = dsn
        self._followers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._newest: dict[str, int] = {}
        self.is_listening = False

    @contextmanager
    def following(self, epic_id: str) -> Generator[asyncio.Event]:
        """An event that is set whenever the epic may have new events; clear it before reading them."""
        woken = asyncio.Event()
        self._followers[epic_id].add(woken)
        try:
            yield woken
        finally:
            self._followers[epic_id].discard(woken)
            if not self._followers[epic_id]:
                del self._followers[epic_id]
                self._newest.pop(epic_id, None)

    @property
    def followers(self) -> int:
        """How many follow at the moment."""
        return sum(len(events) for events in self._followers.values())

    async def run(self) -> None:
        """Listen for ever; a connection that is lost is made again."""
        while True:
            trouble = "listening ended"
            try:
                with foreseen():
                    await self._listen()
            except StoreUnavailable as error:
                trouble = str(error)
            except Exception as error:  # noqa: BLE001  # whatever it is, those who follow must not wait for ever
                trouble = repr(error)[:300]
            self.is_listening = False
            structlog.get_logger().info("new events are not heard of at the moment", trouble=trouble)
            await asyncio.sleep(_AGAIN_AFTER_S)

    async def _listen(self) -> None:
        async with await AsyncConnection[DictRow].connect(
            self._dsn, **{**CONNECTION_KWARGS, "application_name": "genie listen"}
        ) as connection:
            await connection.execute(QUERIES["listen"])
            self.is_listening = True
            while True:
                # What came while nobody listened, and what is never announced.
                await self._look(connection)
                async for notice in connection.notifies(timeout=LOOK_S):
                    self._wake(notice.payload)

    async def _look(self, connection: Connection) -> None:
        followed = list(self._followers)
        if not followed:
            return
        for row in await (await connection.execute(QUERIES["newest_events"], {"epics": followed})).fetchall():
            if self._newest.get(row["id"]) != row["last_event"] and row["id"] in self._followers:
                self._newest[row["id"]] = row["last_event"]
                self._wake(row["id"])

    def _wake(self, epic_id: str) -> None:
        for woken in self._followers.get(epic_id, ()):
            woken.set()


@asynccontextmanager
async def listening(dsn: str) -> AsyncGenerator[Listener]:
    """A listener at work."""
    listener = Listener(dsn)
    running = asyncio.create_task(listener.run(), name="listen")
    try:
        yield listener
    finally:
        running.cancel()
        await asyncio.wait({running})
