"""Setting the highest price of a call aside before it is made."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from executors.ledger import Ledger
from executors.port import Ask, Journal, Reservation
from executors.terms import Terms
from safety.budget import Measured, bound_of, most_input_tokens


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A call that is to be made."""

    model: str
    request_bytes: int
    """The size of all that will be sent."""
    measured: Measured | None = None
    """What the provider counted of the beginning of the conversation."""
    max_tokens: int | None = None
    """The output tokens wished for, where they are not those of the terms."""
    input_factor: Decimal = Decimal(1)
    """How much dearer than usual the request makes its input."""


async def reserve(journal: Journal, ledger: Ledger, terms: Terms, wanted: Wanted) -> Reservation:
    """Hold the most that a call can cost against every limit; the ledger notes whether its output had to be lowered.

    Raises:
        BudgetSpent: if the call does not fit a limit.
    """
    bound = bound_of(wanted.model, most_input_tokens(wanted.request_bytes, wanted.measured), terms.prices)
    wish = terms.max_tokens if wanted.max_tokens is None else wanted.max_tokens
    ask = Ask(
        model=wanted.model,
        input_usd=bound.input_usd * wanted.input_factor,
        output_usd_per_token=bound.output_usd_per_token,
        max_tokens=wish,
        floor_tokens=min(terms.floor_tokens, wish),
    )
    if not bound.price_known and ledger.turns == 0:
        said = {"model": wanted.model, "output_usd_per_million": format(bound.output_usd_per_token * 1_000_000, "f")}
        await journal.noted("price_assumed", said)
    reservation = await journal.reserve(ask)
    ledger.shortened = reservation.max_tokens < ask.max_tokens
    return reservation
