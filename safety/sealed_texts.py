"""Sealed texts: what they look like, and how one key makes and opens them (AES-256-GCM).

A sealed text is `gs1.<name of its key>.<salt, nonce and cipher text>`. From the key and the salt a key of its own is derived, so that no
nonce is met twice, however many processes seal with one key.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
from typing import Final

from epics.access_errors import SecretUnreadable

VERSION: Final = "gs1"
KEY_BYTES: Final = 32
SALT_BYTES: Final = 16

_NONCE: Final = 12
_SEALED: Final = re.compile(rf"{VERSION}\.([dk]-[0-9a-f]{{16}})\.([A-Za-z0-9_-]{{40,}})")


def is_sealed(text: object) -> bool:
    """Whether something is a sealed text."""
    return isinstance(text, str) and text.startswith(f"{VERSION}.") and _SEALED.fullmatch(text) is not None


def key_name(sealed: str) -> str:
    """The name of the key that a text was sealed with; empty if it is not sealed."""
    found = _SEALED.fullmatch(sealed)
    return found[1] if found else ""


def seal_with(name: str, key: bytes, content: bytes, context: str, salt: bytes) -> str:
    """Seal `content` with a key, under its name and a context; the same salt may be given to many, in one process."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # most commands seal nothing

    nonce = os.urandom(_NONCE)
    cipher = AESGCM(_derived(key, salt)).encrypt(nonce, content, _bound(name, context))
    return f"{VERSION}.{name}.{base64.urlsafe_b64encode(salt + nonce + cipher).decode().rstrip('=')}"


def open_with(key: bytes, sealed: str, context: str) -> bytes:
    """Open what was sealed with a key under a context.

    Raises:
        SecretUnreadable: if it was changed, or stands where it was not put.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # as above
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    found = _SEALED.fullmatch(sealed)
    if found is None:
        raise SecretUnreadable("a stored secret is not in the form of a sealed text: it was changed by hand")
    payload = base64.urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4))
    salt, nonce, cipher = payload[:SALT_BYTES], payload[SALT_BYTES : SALT_BYTES + _NONCE], payload[SALT_BYTES + _NONCE :]
    try:
        return AESGCM(_derived(key, salt)).decrypt(nonce, cipher, _bound(found[1], context))
    except (InvalidTag, ValueError):
        raise SecretUnreadable(f"a text that {found[1]} sealed does not open: it was changed, or stands where it was not put") from None


def _derived(key: bytes, salt: bytes) -> bytes:
    """HKDF (RFC 5869) with SHA-256, for one block."""
    return hmac.digest(hmac.digest(salt, key, "sha256"), b"genie seals\x01", "sha256")


def _bound(name: str, context: str) -> bytes:
    return f"{VERSION}\0{name}\0{context}".encode()
