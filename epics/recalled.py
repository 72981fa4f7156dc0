"""What is recalled: knowledge of earlier work on the same repository, as a brief quotes it."""

from __future__ import annotations

from pydantic import Field

from epics.knowledge import Group
from epics.records import Record


class Recalled(Record):
    """One fact of the project's knowledge, in the words that a brief quotes."""

    id: str
    group: Group
    score: float = Field(description="How much use it seemed to be; higher is better.")
    text: str
    source: str = Field(description="Where it comes from, in one line, such as `epic e-0123456789, attempt 3`.")
    seen: str = Field(description="Since when it holds, as YYYY-MM-DD.")
