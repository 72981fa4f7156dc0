"""Small values as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cli.words import ago, many, seconds, sha, shortened, usd


@pytest.mark.parametrize(
    "amount,text",
    [
        (Decimal(0), "$0.00"),
        (Decimal("0.00042"), "$0.0004"),
        (Decimal("0.01"), "$0.01"),
        (Decimal("1234.5"), "$1,234.50"),
        ("2.5", "$2.50"),
        (None, "–"),
        ("much", "much"),
    ],
)
def test_money_has_cents_and_below_one_cent_four_places(amount, text):
    assert usd(amount) == text


@pytest.mark.parametrize("value,text", [(0.04, "0.0 s"), (59.94, "59.9 s"), (61, "1 min 1 s"), (7_260, "2 h 1 min")])
def test_a_duration_has_its_two_largest_units(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize("since_s,text", [(-5, "0 s"), (59, "59 s"), (61, "1 min"), (7_300, "2 h"), (200_000, "2 d")])
def test_how_long_ago_has_one_unit(since_s, text):
    assert ago(datetime.now(UTC) - timedelta(seconds=since_s)) == text


def test_a_long_text_is_cut_to_one_line():
    assert shortened("one\ntwo  three", 8) == "one two…"


def test_a_text_that_fits_is_not_cut():
    assert shortened("one\ntwo", 7) == "one two"


def test_one_is_not_several():
    assert (many(1, "file"), many(2, "file"), many(0, "file")) == ("1 file", "2 files", "0 files")


def test_a_commit_that_is_not_there_is_a_dash():
    assert (sha("a" * 40), sha(None), sha("")) == ("a" * 10, "–", "–")
