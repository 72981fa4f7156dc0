"""Ids sort by time and are told from anything else."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from epics.ids import is_id, new_id

# From 2026 to 2058, in milliseconds.
INSTANTS = st.integers(min_value=1_767_225_600_000, max_value=2_780_000_000_000)


@settings(derandomize=True, max_examples=50)
@given(INSTANTS, INSTANTS)
def test_ids_sort_as_their_milliseconds_do(one, other):
    first, second = new_id("e", lambda: one / 1000), new_id("e", lambda: other / 1000)

    if int(one / 1000 * 1000) != int(other / 1000 * 1000):
        assert (first < second) == (one < other)


def test_an_id_is_a_letter_a_dash_and_ten_characters():
    made = new_id("a")

    assert is_id(made, "a")
    assert not is_id(made, "e")
    assert len(made) == len("a-") + 10


def test_a_clock_before_the_beginning_gives_an_id_all_the_same():
    assert is_id(new_id("e", lambda: 0.0), "e")
