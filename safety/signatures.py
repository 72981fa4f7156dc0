"""Signatures of messages: made as Standard Webhooks says, and checked as senders make them.

Source: the Standard Webhooks specification 1.0, https://www.standardwebhooks.com.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Final

from epics.errors import InvalidInput

PREFIX: Final = "whsec_"
TOLERANCE_S: Final = 300
"""How far the clock of a sender may be off; an older message is taken for a replay."""

_VERSION: Final = "v1"
_LEAST_BYTES: Final = 24
_MOST_BYTES: Final = 64
_NEW_BYTES: Final = 32
_MOST_DIGITS: Final = 12


def new_secret() -> str:
    """A secret that nobody has seen."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_NEW_BYTES)).decode()


def key_in(secret: str) -> bytes:
    """The key that a secret holds.

    Raises:
        InvalidInput: if it does not have the form of Standard Webhooks; the message does not have it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or not _LEAST_BYTES <= len(key) <= _MOST_BYTES:
        raise InvalidInput(f"the secret cannot be used: it must be {PREFIX} and then {_LEAST_BYTES} to {_MOST_BYTES} bytes in base64")
    return key


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature` for a message; `timestamp` is in seconds of the Unix epoch."""
    return f"{_VERSION},{base64.b64encode(_digest(key_in(secret), _signed(message_id, str(timestamp), body))).decode()}"


def is_standard(secret: str, message_id: str, timestamp: str, body: bytes, given: str) -> bool:
    """Whether one of the signatures in a `webhook-signature` header is right; a sender that changes its secret gives several."""
    right = base64.b64encode(_digest(key_in(secret), _signed(message_id, timestamp, body)))
    ours = [part.partition(",")[2] for part in given.split(" ") if part.startswith(f"{_VERSION},")]
    return any(hmac.compare_digest(right, each.encode()) for each in ours)


def is_hmac(key: bytes, signed: bytes, given: str) -> bool:
    """Whether a signature is the HMAC-SHA256 of what was signed, in hexadecimal or base64."""
    digest = _digest(key, signed)
    as_hex = hmac.compare_digest(digest.hex().encode(), given.lower().encode())
    as_base64 = hmac.compare_digest(base64.b64encode(digest), given.encode())
    return as_hex or as_base64


def is_fresh(timestamp: str, now: float, tolerance_s: float = TOLERANCE_S) -> bool:
    """Whether a timestamp, in seconds of the Unix epoch, is near enough to now."""
    is_number = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= _MOST_DIGITS
    return is_number and abs(int(timestamp) - now) <= tolerance_s


def _signed(message_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode() + body


def _digest(key: bytes, signed: bytes) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()
