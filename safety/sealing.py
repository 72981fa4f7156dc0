"""The keyring of an installation: data keys, which are kept sealed by a master key, and what is sealed and opened with them."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping, Sequence
from typing import Final

from epics.access_errors import SecretUnreadable
from safety.master_keys import MasterKey, needs
from safety.sealed_texts import KEY_BYTES, SALT_BYTES, key_name, open_with, seal_with

MOST_SEALS: Final = 2**28
"""Seals under one salt: with random nonces of 96 bits it is safe to make 2**32."""

#: What is longer than this is packed first: sealed text can be packed no more.
_SMALL: Final = 512
_LEVEL: Final = 3
_PLAIN, _PACKED = b"\0", b"\1"


class UnknownDataKey(SecretUnreadable):
    """The data key of a sealed text is not among those that were read: it may have been made meanwhile."""


class Keyring:
    """The data keys of an installation, opened by its master keys; one of them seals, all of them open."""

    def __init__(self, masters: Sequence[MasterKey]) -> None:
        """Begin with no data key."""
        self._masters = {master.name: master for master in masters}
        self.first = masters[0] if masters else None
        """The master key for new data keys."""
        self._keys = dict[str, bytes]()
        self._locked = dict[str, str]()
        self._salt = os.urandom(SALT_BYTES)
        self.count = 0
        """Seals under the salt of now."""
        self.current = ""
        """The name of the data key that seals; empty if there is none."""

    def __repr__(self) -> str:
        """Names only."""
        return f"Keyring(masters={list(self._masters)}, current={self.current!r})"

    def learn(self, wrapped: Mapping[str, str], current: str) -> None:
        """Take over what the database has: data keys by name as they are sealed, and which of them seals from now on.

        Keys that no master key here opens are kept shut: whatever was sealed with them says so when it is to be opened.
        """
        opened, locked = dict[str, bytes](), dict[str, str]()
        for name, sealed in wrapped.items():
            master = self._masters.get(key_name(sealed))
            if master is None:
                locked[name] = key_name(sealed)
            else:
                opened[name] = self._keys.get(name) or master.unwrap(name, sealed)
        self._keys, self._locked, self.current = opened, locked, current

    def knows(self, sealed: str) -> bool:
        """Whether the data key of a sealed text is open here."""
        return key_name(sealed) in self._keys

    def check_current(self) -> None:
        """See that there is a data key that seals, and that it is open here.

        Raises:
            SecretUnreadable: if not.
        """
        self._key(self.current)

    def new_data_key(self) -> tuple[str, str]:
        """The name of a new data key, and the key as it is kept: sealed.

        Raises:
            SecretUnreadable: if there is no master key.
        """
        if self.first is None:
            raise needs("")
        name = f"d-{os.urandom(8).hex()}"
        return name, self.first.wrap(name, os.urandom(KEY_BYTES))

    def rewrap(self, name: str) -> str:
        """A data key sealed by the first master key.

        Raises:
            SecretUnreadable: if the data key cannot be opened, or there is no master key.
        """
        if self.first is None:
            raise needs("")
        return self.first.wrap(name, self._key(name))

    def seal(self, text: str, context: str) -> str:
        """Seal a text, so that it can be opened under the same context only: the table, the column and the row that it stands in.

        Raises:
            SecretUnreadable: if there is no key to seal with.
        """
        return self.seal_bytes(text.encode("utf-8", "surrogatepass"), context)

    def open(self, sealed: str, context: str) -> str:
        """Open a sealed text.

        Raises:
            UnknownDataKey: if its data key is not known here.
            SecretUnreadable: if the master key that it needs is not here, or it was changed, or it stands where it was not put.
        """
        return self.open_bytes(sealed, context).decode("utf-8", "surrogatepass")

    def seal_bytes(self, content: bytes, context: str) -> str:
        """As `seal`, for what is no text."""
        key = self._key(self.current)
        if self.count >= MOST_SEALS:
            self._salt, self.count = os.urandom(SALT_BYTES), 0
        self.count += 1
        packed = _PLAIN + content if len(content) <= _SMALL else _PACKED + zlib.compress(content, _LEVEL)
        return seal_with(self.current, key, packed, context, self._salt)

    def open_bytes(self, sealed: str, context: str) -> bytes:
        """As `open`, for what is no text."""
        content = open_with(self._key(key_name(sealed)), sealed, context)
        return zlib.decompress(content[1:]) if content[:1] == _PACKED else content[1:]

    def _key(self, name: str) -> bytes:
        if name in self._keys:
            return self._keys[name]
        if name in self._locked:
            raise needs(self._locked[name])
        if not name:
            raise needs("")
        raise UnknownDataKey(f"nothing is known of the data key {name}: it was removed, or belongs to another database")
