"""Ids: a letter, a dash and ten base32 characters that sort by time."""

from __future__ import annotations

import re
from collections.abc import Callable
from secrets import randbits
from time import time

# Crockford's alphabet in ASCII order, so that ids sort as their numbers do, without the letters that people misread.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_CHARS = 10
_RANDOM_BITS = 10
# Milliseconds since 2026 fit 40 bits for 34 years.
_EPOCH_MS = 1_767_225_600_000

_WHOLE = re.compile(rf"[a-z]-[{_ALPHABET}]{{{_CHARS}}}")


def new_id(kind: str, clock: Callable[[], float] = time) -> str:
    """A new id of one kind (`e` epic, `a` approval, …), later ones sorting after earlier ones to the millisecond."""
    number = max(int(clock() * 1000) - _EPOCH_MS, 0) << _RANDOM_BITS | randbits(_RANDOM_BITS)
    chars = (_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_CHARS)))
    return f"{kind}-{''.join(chars)}"


def is_id(text: str, kind: str) -> bool:
    """Whether a text has the form of an id of that kind."""
    return text.startswith(f"{kind}-") and _WHOLE.fullmatch(text) is not None
