"""Money in words; in data it is a decimal that is never rounded."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal
from typing import Final

_TENTH_OF_A_CENT: Final = Decimal("0.001")


def dollars(amount: Decimal | str) -> str:
    """An amount for a person to read, rounded up to a tenth of a cent, and to cents where that says the same: $0.057, $0.50, $2.00."""
    exact = Decimal(amount).quantize(_TENTH_OF_A_CENT, rounding=ROUND_UP)
    cents = exact.quantize(Decimal("0.01"))
    return f"${cents if cents == exact else exact}"
