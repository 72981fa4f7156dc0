"""Names held against patterns with stars."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epics.patterns import fits
from epics.roles import Grant, Role

TEXTS = st.text(alphabet="ab/*", max_size=8)


@given(pattern=TEXTS, name=st.text(alphabet="ab/*\n", max_size=8))
def test_a_name_fits_as_the_regular_expression_says(pattern: str, name: str):
    expression = re.sub(r"\\\*(\\\*)+|\\\*", lambda star: "[^/]*" if star[0] == r"\*" else ".*", re.escape(pattern))

    assert fits(pattern, name) == (re.fullmatch(expression, name, re.DOTALL) is not None)


@given(pattern=TEXTS.filter(bool), name=st.text(alphabet="ab/", max_size=8))
def test_a_grant_covers_what_its_expression_for_the_database_finds(pattern: str, name: str):
    grant = Grant(role=Role.VIEWER, repo=pattern)

    assert grant.covers(name) == (re.search(grant.regex, name, re.DOTALL) is not None)


@pytest.mark.parametrize("pattern", ["*a" * 500 + "b", "**a" * 500 + "b", "**" + "*/" * 300 + "b"])
def test_no_name_keeps_a_pattern_busy(pattern: str):
    assert not fits(pattern, "a" * 4_000)
    assert not fits(pattern, "a/" * 2_000)
