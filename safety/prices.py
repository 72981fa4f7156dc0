"""What a model's tokens cost, from the table that comes with genai-prices; nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice, TieredPrices

MILLION = Decimal(1_000_000)

_SOLD_BY = {
    "openai-chat": "openai",
    "openai-responses": "openai",
    "google-gla": "google",
    "google-vertex": "google",
    "google-cloud": "google",
    "bedrock": "aws",
}
"""Names before the colon of a model that are not the name of who sells it."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars per token."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal
    known: bool = True
    """False where nobody named a price, and a high one was taken so that no limit is passed."""

    @classmethod
    def per_million(
        cls,
        input_usd: Decimal,
        output_usd: Decimal,
        *,
        cache_read: Decimal | None = None,
        cache_write: Decimal | None = None,
        known: bool = True,
    ) -> Price:
        """Build a price from dollars per million tokens, as providers publish it; cached input costs as much as other input if not told."""
        return cls(
            input=input_usd / MILLION,
            output=output_usd / MILLION,
            cache_read=(input_usd if cache_read is None else cache_read) / MILLION,
            cache_write=(input_usd if cache_write is None else cache_write) / MILLION,
            known=known,
        )

    def cost(self, *, input_tokens: int, output_tokens: int, cache_read_tokens: int = 0, cache_write_tokens: int = 0) -> Decimal:
        """Return what a call cost, not rounded; the cached tokens are among the input tokens."""
        plain = max(input_tokens - cache_read_tokens - cache_write_tokens, 0)
        return (
            plain * self.input + cache_read_tokens * self.cache_read + cache_write_tokens * self.cache_write + output_tokens * self.output
        )

    @property
    def dearest_input(self) -> Decimal:
        """The most that one token of input can cost, whatever the provider caches."""
        return max(self.input, self.cache_read, self.cache_write)


UNKNOWN = Price.per_million(Decimal(30), Decimal(180), known=False)
"""What a model without a known price is charged: more than the models that agents use cost. The dearer ones are in the table by name."""


def price_of(model: str, *, input_tokens: int = 0, given: Mapping[str, Price] | None = None) -> Price:
    """Return the price of `model` (`provider:name`) for a call with so many input tokens.

    A price in `given` (from the settings) comes first, under the model's full name or the name alone. Some providers charge every token
    of a long call more, which is why the size of the input matters.
    """
    provider, _, name = model.rpartition(":")
    for key in (model, name):
        if given is not None and key in given:
            return given[key]
    seller = _SOLD_BY.get(provider, provider) or None
    try:
        _, found = get_snapshot().find_provider_model(name, None, seller, None)
    except LookupError:
        return UNKNOWN
    return _from_table(found.get_prices(datetime.now(UTC)), input_tokens)


def _from_table(prices: ModelPrice, input_tokens: int) -> Price:
    base, output = _at(prices.input_mtok, input_tokens), _at(prices.output_mtok, input_tokens)
    if base is None or output is None:
        return UNKNOWN
    return Price.per_million(
        base, output, cache_read=_at(prices.cache_read_mtok, input_tokens), cache_write=_at(prices.cache_write_mtok, input_tokens)
    )


def _at(price: Decimal | TieredPrices | None, input_tokens: int) -> Decimal | None:
    if not isinstance(price, TieredPrices):
        return price
    reached = [tier.price for tier in price.tiers if input_tokens > tier.start]
    return reached[-1] if reached else price.base
