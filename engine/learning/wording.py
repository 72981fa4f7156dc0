"""Putting what happened into words that fit where they are kept: without what looks like a secret, and not too long."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from safety.secrets import redact

_NAME: Final = 200
_GOAL: Final = 400
_STATEMENT: Final = 4_000
_LISTED: Final = 30


def joined(*parts: str) -> str:
    """The parts that say something, each on a line of its own, within the length of a fact."""
    return _cut(redact("\n".join(part.strip() for part in parts if part.strip())), _STATEMENT)


def short(text: str, most: int = _GOAL) -> str:
    """A text on one line."""
    return _cut(redact(" ".join(text.split())), most)


def named(text: str) -> str:
    """A text as the name of something, on one line; what has no name is called so."""
    return short(text, _NAME) or "unnamed"


def listed(items: Iterable[str]) -> str:
    """A few of the items, and how many more there are."""
    every = [short(item) for item in items]
    more = len(every) - _LISTED
    return ", ".join(every[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
