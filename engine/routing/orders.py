"""What a person asks for in free words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from config.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A request, which may be for several things."""

    text: str
    repo: str | None = None
    """None for what needs no repository."""
    base: str | None = None
    agent: str | None = None
    """Who is to do all of it, whatever the scores say: it is not split then."""
    budget_usd: Decimal | None = None
    """Of all parts together."""
    executor: str | None = None
    model: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


def with_ask_defaults(asked: Ask, settings: Settings) -> Ask:
    """What a person asks for, and for what was left out what this installation is set to."""
    return replace(
        asked,
        budget_usd=asked.budget_usd if asked.budget_usd is not None else settings.budget_usd,
        executor=asked.executor or settings.executor,
        model=asked.model or settings.model,
    )
