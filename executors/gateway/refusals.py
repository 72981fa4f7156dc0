"""Why a gateway lets no further call through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RefusalKind = Literal["budget", "turns", "timeout", "cancelled", "model", "provider", "unavailable"]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why every further call of an attempt is refused; the executor goes by this, never by what the CLI makes of it."""

    kind: RefusalKind
    """budget, turns, timeout: a limit. cancelled: somebody stopped it. model: one was asked for that may not be. provider: no model
    answered, nor will one. unavailable: no model answered, but one may later."""
    said: str
    """One line for a person."""
