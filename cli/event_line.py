"""What one event says to people who watch, before it is set in type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Data: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Line:
    """What an event says: a mark, the sentence, and what is read only at a second glance."""

    mark: str
    text: str
    head: str = ""
    """The step, set in a column of its own."""
    style: str = ""
    aside: str = ""
    more: str = ""
    """A second line."""
    deep: bool = False
    """Whether it is a detail within an attempt."""


def word(data: Data, name: str) -> str:
    """A value as a word; empty where there is none."""
    value = data.get(name)
    return "" if value is None else str(value)


def number(data: Data, name: str) -> float:
    """A value as a number; 0 where it is none."""
    value = data.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
