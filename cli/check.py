"""One thing that `genie doctor` looked at."""

from __future__ import annotations

from typing import Literal

from epics.records import Record


class Check(Record):
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "note", "failed"]
    """`note`: not needed for everything, but good to know."""
    seen: str
    way_out: str = ""
