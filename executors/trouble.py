"""A failed call of a model, judged."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A failed call, judged."""

    said: str
    retry: bool
    """Whether the same model may answer later."""
    charged: bool
    """Whether the provider may have charged for it; then its reservation is kept."""
    wait_s: float | None = None
    """How long the provider asked us to wait."""
