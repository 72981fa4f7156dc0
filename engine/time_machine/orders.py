"""What people ask of the time machine; light, since every face imports it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Final

from epics.errors import InvalidInput
from epics.going_back import Level
from epics.policy import Autonomy


@dataclass(frozen=True, kw_only=True)
class GoBack:
    """A rollback, or the undo of the last one."""

    by: str
    undo: bool = False
    level: Level | None = None
    """None: `full` to a moment, `step` without one."""
    to: int | None = None
    guidance: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as a command stores it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> GoBack:
        """Read what `as_json` wrote."""
        return cls(**{**data, "level": Level(data["level"]) if data["level"] else None})


@dataclass(frozen=True, kw_only=True)
class Fork:
    """A new epic from a moment; what is left out is as in the source."""

    at: int
    """The moment; 0 is where the epic began."""
    by: str
    guidance: str = ""
    model: str | None = None
    executor: str | None = None
    budget_usd: Decimal | None = None
    autonomy: Autonomy | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    """Added to those of the source."""


_MOST_GUIDANCE: Final = 20_000


def check_guidance(text: str) -> None:
    """Refuse guidance that cannot be kept, before anything is done.

    Raises:
        InvalidInput: if it is too long, or has a character that no text has.
    """
    if len(text) > _MOST_GUIDANCE:
        message = f"the guidance has {len(text)} characters, and {_MOST_GUIDANCE} are the most: put the rest into a file of the repository"
        raise InvalidInput(message)
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        message = "the guidance has a NUL character or half of a surrogate pair, which no text has: remove it"
        raise InvalidInput(message)
