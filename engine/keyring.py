"""The keyring of this installation: master keys from outside, data keys from the database, and who seals with them."""

from __future__ import annotations

import time
from typing import Final

from db.connection import Pool
from db.secrets import insert_data_key, read_data_keys
from engine.master_key import MasterKeys
from safety.sealing import Keyring

FRESH_S: Final = 20.0
"""A process seals with a data key for so long after another one has taken its place; what it seals then is opened all the same."""


class StoredKeyring:
    """Seals and opens with the data keys of one database; each is read when it is first needed."""

    def __init__(self, pool: Pool, masters: MasterKeys, *, seals_journal: bool = False) -> None:
        """Bind to a database and to where the master keys are; nothing is read yet."""
        self._pool = pool
        self.masters = masters
        self.seals_journal = seals_journal
        self.ring = Keyring(())
        self._read_at: float | None = None

    async def ready(self) -> None:
        """Have a key that seals, as the database has it by now; the first one is made.

        Raises:
            SecretUnreadable: if there is no master key, or not the one that the data key needs.
            InvalidSettings: if a master key that is set is none.
        """
        if self._read_at is None or time.monotonic() - self._read_at >= FRESH_S or not self.ring.current:
            await self.refresh()
        if self.ring.current:
            self.ring.check_current()
            return
        if self.ring.first is None and self.masters.make():
            await self.refresh()
        await insert_data_key(self._pool, *self.ring.new_data_key())
        await self.refresh()

    async def refresh(self) -> None:
        """Read the data keys and the master keys again.

        Raises:
            InvalidSettings: if a master key that is set is none.
        """
        wrapped, current = await read_data_keys(self._pool)
        # Whoever reads this meanwhile has the old ring or the new one, each whole.
        ring = Keyring(self.masters.read())
        ring.learn(wrapped, current)
        self.ring, self._read_at = ring, time.monotonic()

    async def sealed(self, text: str, context: str) -> str:
        """Seal a text under a context, such as `secrets.sealed:<name>`; see `Keyring.seal`."""
        await self.ready()
        return self.seal(text, context)

    async def opened(self, sealed: str, context: str) -> str:
        """Open a sealed text; see `Keyring.open`."""
        if not self.ring.knows(sealed):
            await self.refresh()
        return self.open(sealed, context)

    def seal_bytes(self, content: bytes, context: str) -> str:
        """As `seal`, for what is no text."""
        return self.ring.seal_bytes(content, context)

    def open_bytes(self, sealed: str, context: str) -> bytes:
        """As `open`, for what is no text."""
        return self.ring.open_bytes(sealed, context)

    def seal(self, text: str, context: str) -> str:
        """Seal with what is known by now; await `ready` before."""
        return self.ring.seal(text, context)

    def open(self, sealed: str, context: str) -> str:
        """Open with what is known by now; await `refresh` where that was not enough."""
        return self.ring.open(sealed, context)
