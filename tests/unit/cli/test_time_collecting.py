"""Ages and sizes as people type them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cli.time_collecting import age_in, bytes_in
from epics.errors import InvalidInput


@pytest.mark.parametrize("given, days", [("30d", 30), ("8w", 56), ("12h", 0.5), (" 1D ", 1), ("0d", 0)])
def test_an_age(given, days):
    assert age_in(given) == timedelta(days=days)


@pytest.mark.parametrize("given, size", [("20GB", 20e9), ("1.5 mb", 1.5e6), ("0", 0), ("12b", 12), ("3TB", 3e12)])
def test_a_size(given, size):
    assert bytes_in(given) == size


@pytest.mark.parametrize("given", ["", "d", "30", "-1d", "1y", "999999d", "1d\n2d", "soon"])
def test_what_is_no_age(given):
    with pytest.raises(InvalidInput, match="such as 12h, 30d or 8w"):
        age_in(given)


@pytest.mark.parametrize("given", ["", "GB", "-1GB", "1XB", "much", "1e9"])
def test_what_is_no_size(given):
    with pytest.raises(InvalidInput, match="such as 500MB or 20GB"):
        bytes_in(given)
