"""Who may ask: all that faces need of keys, tokens and people."""

from __future__ import annotations

from pathlib import Path

from db.connection import Pool
from engine.access.issuing import Issuing
from engine.access.keys import Keys
from engine.access.local import Local
from engine.access.people import People
from engine.access.trusted import Trusted
from epics.callers import Caller


class Access(Issuing, Keys, People):
    """Finds out who asks, and keeps the people and their keys; see the classes that it is made of."""

    def __init__(self, pool: Pool, trusted: Trusted) -> None:
        """Bind to the database and to what is trusted."""
        Issuing.__init__(self, pool, trusted)
        self._local = Local(pool, trusted, self)

    async def local_caller(self) -> Caller:
        """Who uses this process on the database itself; see `Local.caller`."""
        return await self._local.caller()

    async def home_key(self, home: Path) -> Path:
        """The file with the key of this machine's user; see `Local.home_key`."""
        return await self._local.home_key(home)
