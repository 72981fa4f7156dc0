"""Where a page of prompts or of memories ended, as a word that clients hand back."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from epics.errors import InvalidInput


def cursor_at(place: Sequence[str | int]) -> str:
    """The cursor of what follows a place."""
    text = json.dumps(list(place), separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_in(cursor: str, *kinds: type[str | int]) -> list[Any]:
    """The place that a cursor stands for: as many values as there are kinds.

    Raises:
        InvalidInput: if it is none of ours.
    """
    try:
        place = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidInput(_refusal(cursor)) from error
    if not isinstance(place, list) or [type(each) for each in place] != list(kinds) or not all(map(_storable, place)):
        raise InvalidInput(_refusal(cursor))
    return place


def _storable(value: str | int) -> bool:
    """Whether the database can hold something against it."""
    if isinstance(value, int):
        return 0 < value < 2**31
    return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


def _refusal(cursor: str) -> str:
    return f"{cursor[:80]!r} is no cursor: give what `next` said, or none"
