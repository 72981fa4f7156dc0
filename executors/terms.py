"""What calls of models are made under."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from executors.port import Usage
from executors.retries import Retries
from safety.prices import Price, price_of


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What calls are made under, the same for every attempt of an executor."""

    max_tokens: int = 16_384
    """The output tokens wished for: what the client libraries send without streaming for the models that agents use."""
    floor_tokens: int = 1_024
    """An answer cut off before this many tokens is not worth paying for."""
    retries: Retries = field(default_factory=Retries)
    prices: Mapping[str, Price] = field(default_factory=dict)
    """Prices from the settings, by model; they come before the table."""

    def price(self, name: str, answered_by: str, usage: Usage) -> Price:
        """Return the price of a call by the name that was asked for, or else by the name that answered."""
        price = price_of(name, input_tokens=usage.input_tokens, given=self.prices)
        if not price.known and answered_by:
            return price_of(f"{name.partition(':')[0]}:{answered_by}", input_tokens=usage.input_tokens, given=self.prices)
        return price

    def cost_of(self, name: str, answered_by: str, usage: Usage) -> Decimal:
        """Return what an answer cost."""
        return self.price(name, answered_by, usage).cost(**dataclasses.asdict(usage))
