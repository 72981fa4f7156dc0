"""What a model that was asked once answered, and what that cost."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from pydantic import BaseModel

OutputT = TypeVar("OutputT", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Answered(Generic[OutputT]):
    """What a model answered, and what that cost."""

    output: OutputT | None = None
    """None if there is no answer of the type."""
    problem: str = ""
    """Why not."""
    cost_usd: Decimal = Decimal(0)
    """What was paid, also for answers that were of no use; for a call that was cut off, the most that it can have cost."""
