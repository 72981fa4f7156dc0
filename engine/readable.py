"""What the caller may read: the filter of every list, and of every look for a thing by its id."""

from __future__ import annotations

from typing import Any

from epics.callers import current_caller
from epics.roles import Deed


def readable_patterns() -> list[list[str]] | None:
    """Patterns of the repositories that the caller may read, as the database takes them (`fits()`); None for all.

    Each is what a repository begins with that fits, and an expression for the whole of it.
    """
    granted = current_caller().grants_for(Deed.READ)
    return None if granted is None else [[grant.repo.partition("*")[0], grant.regex] for grant in granted]


def reader() -> dict[str, Any]:
    """Who reads, as queries take it: what is about no repository is its person's own, and an admin's of everything."""
    caller = current_caller()
    return {"patterns": readable_patterns(), "person": caller.person, "all": caller.may(Deed.ADMINISTER)}
