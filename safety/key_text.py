"""What a key looks like: made, taken apart, and hashed for keeping."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Final

MARK: Final = "gk_"

_PREFIX_CHARS: Final = 8
_SECRET_CHARS: Final = 43
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE: Final = re.compile(rf"{MARK}([{_ALPHABET}]{{{_PREFIX_CHARS}}})_[{_ALPHABET}]{{{_SECRET_CHARS}}}")
_HASH_BYTES: Final = 32

NOBODYS_HASH: Final = bytes(_HASH_BYTES)
"""What a key is compared with that nobody has, so that finding none costs as much as finding one."""


@dataclass(frozen=True, kw_only=True)
class KeyText:
    """A key as its holder has it: `gk_`, a prefix to find it by, and 256 random bits."""

    prefix: str
    text: str = field(repr=False)

    @property
    def hash(self) -> bytes:
        """What is kept of it.

        SHA-256, and not a slow hash as for passwords: there is nothing to guess in 256 random bits, however quick a guess is, and each
        request pays for this one.
        """
        return hashlib.sha256(self.text.encode()).digest()

    def has_hash(self, kept: bytes) -> bool:
        """Whether this is the key whose hash was kept; the time that it takes says nothing."""
        return hmac.compare_digest(self.hash, kept)


def new_key(prefix: str | None = None) -> KeyText:
    """A key that nobody has seen; with the prefix of another if it takes that one's place."""
    found = prefix or _random(_PREFIX_CHARS)
    return KeyText(prefix=found, text=f"{MARK}{found}_{_random(_SECRET_CHARS)}")


def key_in(text: str) -> KeyText | None:
    """The key that a text is, or None."""
    found = _SHAPE.fullmatch(text)
    return None if found is None else KeyText(prefix=found[1], text=text)


def _random(chars: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(chars))
