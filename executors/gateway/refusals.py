"""Why a gateway lets no further call through, and how the CLI is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final, Literal

RefusalKind = Literal["budget", "turns", "timeout", "cancelled", "model", "provider", "unavailable"]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why every further call of an attempt is refused; the executor goes by this, never by what the CLI makes of it."""

    kind: RefusalKind
    """budget, turns, timeout: a limit. cancelled: somebody stopped it. model: one was asked for that may not be. provider: no model
    answered, nor will one. unavailable: no model answered, but one may later."""
    said: str
    """One line for a person."""


class Refused(Exception):
    """A call that is not let through; the others may be."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """What goes before the bytes of an answer."""

    status: int
    content_type: str = "application/json"
    final: bool = False
    """Whether trying again is of no use, which the CLI then does not."""
    request_id: str = ""


NEVER_AGAIN: Final = (b"x-should-retry", b"false")


def error_body(kind: str, said: str) -> bytes:
    """Return an error as the Messages API has it."""
    return json.dumps({"type": "error", "error": {"type": kind, "message": said}}).encode()
