"""What an attempt has done so far, counted while it goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from executors.port import Usage


@dataclass(slots=True)
class Ledger:
    """What an attempt has done so far: its turns and their cost, and whether files may have changed since the last record."""

    turns: int = 0
    open_turn: int | None = None
    """The turn that has an answer and no results yet."""
    cut: int | None = None
    """The turn whose calls a crash cut off, so that they are made again."""
    usages: list[Usage] = field(default_factory=list)
    costs: list[Decimal] = field(default_factory=list)
    model: str = ""
    changed: bool = False
    shortened: bool = False
    """Whether a limit lowered the output of the last call."""
