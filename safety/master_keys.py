"""Master keys: they stand outside of the database, and seal the data keys that are kept in it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re

from epics.access_errors import SecretUnreadable
from epics.errors import InvalidSettings
from safety.sealed_texts import KEY_BYTES, SALT_BYTES, key_name, open_with, seal_with


class MasterKey:
    """A key that stands outside of the database and seals the data keys in it; its name tells which one it is, and nothing of it."""

    def __init__(self, key: bytes) -> None:
        """Keep the key."""
        self._key = key
        self.name = f"k-{hashlib.sha256(b'genie master key' + key).hexdigest()[:16]}"

    def __repr__(self) -> str:
        """Its name only."""
        return f"MasterKey({self.name})"

    def wrap(self, name: str, key: bytes) -> str:
        """Seal a data key under its name."""
        return seal_with(self.name, self._key, key, f"data key {name}", os.urandom(SALT_BYTES))

    def unwrap(self, name: str, wrapped: str) -> bytes:
        """Open a data key.

        Raises:
            SecretUnreadable: if another key sealed it, or it was changed.
        """
        if key_name(wrapped) != self.name:
            raise needs(key_name(wrapped))
        return open_with(self._key, wrapped, f"data key {name}")


def master_keys(text: str) -> tuple[MasterKey, ...]:
    """The keys in a text, in base64 or hex, with white space or commas between them; the first one seals, the others only open.

    Raises:
        InvalidSettings: if one of them has not 32 bytes; the message does not quote it.
    """
    return tuple(MasterKey(_key_in(word)) for word in re.split(r"[\s,]+", text.strip()) if word)


def new_master_key() -> str:
    """A new key, as it is set."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def needs(name: str) -> SecretUnreadable:
    """What is said where the master key of that name is needed, or any if it has none, and is not set."""
    if not name:
        return SecretUnreadable(
            "there is no key to keep secrets with: set GENIE_SECRET_KEY or GENIE_SECRET_KEY_FILE (see `genie secret key`)"
        )
    return SecretUnreadable(
        f"what is sealed here needs the key {name}, and it is not set: put it in GENIE_SECRET_KEY or GENIE_SECRET_KEY_FILE"
    )


def _key_in(word: str) -> bytes:
    try:
        key = bytes.fromhex(word) if len(word) == 2 * KEY_BYTES else base64.b64decode(_padded(word), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise InvalidSettings("the key for secrets must be 32 bytes in base64 or hex: `genie secret key` prints a new one")
    return key


def _padded(word: str) -> str:
    """Base64 as it is meant: of both alphabets, and with its end."""
    return word.translate(str.maketrans("+/", "-_")) + "=" * (-len(word) % 4)
