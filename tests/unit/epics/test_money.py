"""Money as people read it."""

from __future__ import annotations

import pytest

from epics.money import dollars


@pytest.mark.parametrize(
    "amount, said",
    [
        ("2", "$2.00"),
        ("0.5", "$0.50"),
        ("0.05670000", "$0.057"),
        ("0.0501", "$0.051"),
        ("1234.5", "$1234.50"),
        ("0", "$0.00"),
        ("0.00001", "$0.001"),
    ],
)
def test_an_amount_is_rounded_up_so_that_a_raise_by_it_is_enough(amount, said):
    assert dollars(amount) == said
