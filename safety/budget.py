"""What a call can cost at most, before it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from safety.prices import Price, price_of

HIDDEN_TOKENS = 2_000
"""What providers add to a request themselves: their own words about tools (some hundred tokens) and the frame of each message."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the provider counted in the call before: its request and its answer are the beginning of the next request."""

    tokens: int
    """Input and output of that call."""
    request_bytes: int
    """The bytes of that request and its answer, as they are counted now."""


@dataclass(frozen=True, kw_only=True)
class CallBound:
    """The most that a call can cost: its input, and each token of its output."""

    input_tokens: int
    input_usd: Decimal
    output_usd_per_token: Decimal
    price_known: bool


def most_input_tokens(request_bytes: int, measured: Measured | None = None) -> int:
    """Return a number of tokens that a request of so many bytes cannot have more of.

    A token stands for at least one byte of text, so the bytes of everything that is sent are a bound; pictures and files are sent in
    base64, of which the same is true. For ordinary text that is four times too high, and a limit would refuse calls too early. So where
    the same model has counted the beginning of the conversation already, only what came after it is bounded by its bytes.
    """
    whole = request_bytes + HIDDEN_TOKENS
    if measured is None or measured.request_bytes > request_bytes:
        return whole
    return min(whole, measured.tokens + request_bytes - measured.request_bytes + HIDDEN_TOKENS)


def bound_of(model: str, input_tokens: int, given: Mapping[str, Price] | None = None) -> CallBound:
    """Return the most that a call of `model` with at most so many input tokens can cost."""
    price = price_of(model, input_tokens=input_tokens, given=given)
    return CallBound(
        input_tokens=input_tokens,
        input_usd=price.dearest_input * input_tokens,
        output_usd_per_token=price.output,
        price_known=price.known,
    )
