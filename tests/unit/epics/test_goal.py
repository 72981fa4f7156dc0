"""Which goals an epic can be made of."""

from __future__ import annotations

import pytest

from engine.starting import checked_goal
from epics.errors import InvalidInput


@pytest.mark.parametrize(
    "goal, said",
    [
        ("", "the goal is empty"),
        (" \n\t ", "the goal is empty"),
        ("x" * 20_001, "20,001 characters; at most 20,000"),
        ("say\0hello", "no text"),
        ("ring \x07 the bell", "no text"),
        ("half a \ud800 pair", "no text"),
    ],
)
def test_a_goal_that_is_no_text_is_refused_and_says_why(goal, said):
    with pytest.raises(InvalidInput, match=said):
        checked_goal(goal)


@pytest.mark.parametrize(
    "goal", ["Add a greeting", "日本語 🧞", "two\nlines\tand a tab", "x" * 20_000, "'; DROP TABLE epics; --", "{{ goal }}"]
)
def test_a_goal_of_any_text_is_taken_as_it_is(goal):
    assert checked_goal(f"  {goal}\n") == goal
