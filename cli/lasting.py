"""How long something holds, as people type it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from epics.errors import InvalidInput

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def time_in(given: str, option: str) -> timedelta:
    """A time such as 90s, 30m, 24h, 90d or 8w.

    Raises:
        InvalidInput: if it is none.
    """
    found = re.fullmatch(r"(\d{1,6})([smhdw])", given.strip().lower())
    if found is None:
        raise InvalidInput(f"{option} takes a time such as 30m, 24h, 90d or 8w, not {given[:40]!r}")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
