"""What the caller may read: the filter of every list, and of every look for a thing by its id."""

from __future__ import annotations

from epics.callers import current_caller
from epics.roles import Deed


def readable_patterns() -> list[str] | None:
    """Patterns of the repositories that the caller may read, as the database takes them; None for all."""
    patterns = current_caller().patterns(Deed.READ)
    return None if patterns is None else list(patterns)
