"""The tree of an epic's moments, as lanes in front of numbers."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from cli.time_tree import in_ascii, tree
from engine.views import MomentView


def moments(*parents: int | None, first: int = 1) -> list[MomentView]:
    """Moments from these parents, numbered from `first`."""
    return [
        MomentView(
            n=n,
            parent=parent,
            step="test",
            workflow=None,
            attempt=None,
            outcome="done",
            branch=None,
            commit="c",
            tree="t",
            checkpoint_id="k",
            cost_usd=Decimal(0),
            name=None,
            note="",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        for n, parent in enumerate(parents, start=first)
    ]


def drawn(made: Iterable[MomentView]) -> list[str]:
    return [f"{row.lanes} {row.moment.n}" if row.moment else row.lanes for row in tree(list(made))]


def test_what_went_straight_on_is_one_lane():
    assert drawn(moments(None, 1, 2)) == ["● 1", "● 2", "● 3"]


def test_there_is_nothing_to_draw_without_moments():
    assert drawn([]) == []


def test_what_was_left_behind_branches_off_and_the_epic_goes_straight_on():
    assert drawn(moments(None, 1, 2, 3, 2, 5)) == [
        "● 1",
        "● 2",
        "├─╮",
        "│ ○ 3",
        "│ ○ 4",
        "● 5",
        "● 6",
    ]


def test_a_rollback_that_is_undone_leads_back_to_the_lane_that_was_left():
    assert drawn(moments(None, 1, 2, 3, 2, 4)) == [
        "● 1",
        "● 2",
        "├─╮",
        "│ ● 3",
        "│ ● 4",
        "○ │ 5",
        "  ● 6",
    ]


def test_each_of_many_rollbacks_to_one_moment_branches_off_when_it_begins():
    assert drawn(moments(None, 1, 1, 1, 1)) == [
        "● 1",
        "├─╮",
        "│ ○ 2",
        "├─╮",
        "│ ○ 3",
        "├─╮",
        "│ ○ 4",
        "● 5",
    ]


def test_a_rollback_within_what_a_rollback_left_has_a_lane_of_its_own():
    assert drawn(moments(None, 1, 2, 3, 2, 5, 1)) == [
        "● 1",
        "├─╮",
        "│ ○ 2",
        "│ ├─╮",
        "│ │ ○ 3",
        "│ │ ○ 4",
        "│ ○ 5",
        "│ ○ 6",
        "● 7",
    ]


def test_a_lane_passes_those_that_are_open_between():
    assert drawn(moments(None, 1, 2, 1, 3, 1))[1:6] == [
        "├─╮",
        "│ ○ 2",
        "│ ○ 3",
        "├─┼─╮",
        "│ │ ○ 4",
    ]


def test_a_lane_that_ended_is_taken_again_though_it_is_to_the_left():
    assert "╭─┤" in drawn(moments(None, 1, 2, 3, 2, 5, 4, 7, 4))


def test_a_fork_begins_with_what_it_took_over_whatever_numbers_were_left_out():
    first, second, third = moments(None, 1, 2)
    made = [first, second.model_copy(update={"n": 4, "parent": 1}), third.model_copy(update={"n": 5, "parent": 4})]

    assert drawn(made) == ["● 1", "● 4", "● 5"]


def test_an_epic_that_went_back_to_its_beginning_begins_there_again():
    assert drawn(moments(None, 1, 0, 3)) == [
        "●",
        "├─╮",
        "│ ○ 1",
        "│ ○ 2",
        "● 3",
        "● 4",
    ]


def test_a_parent_that_is_not_listed_is_taken_for_the_one_before():
    assert drawn(moments(None, 4, first=7)) == ["● 7", "● 8"]


@pytest.mark.parametrize(
    "lanes, plain", [("● ", "* "), ("│ ○", "| o"), ("├─┼─╮", "+-+-."), ("╭─┤", ".-+")], ids=["present", "left", "right", "back"]
)
def test_a_terminal_without_lines_gets_letters(lanes, plain):
    assert in_ascii(lanes) == plain


def walk(seed: int, length: int) -> list[MomentView]:
    """Moments of an epic that goes back every now and then, to anywhere."""
    dice = random.Random(seed)
    return moments(None, *(dice.choice([n] * 8 + [dice.randint(1, n)]) for n in range(1, length)))


@pytest.mark.parametrize("seed", range(5))
def test_every_moment_stands_below_the_lane_of_its_parent(seed):
    made = walk(seed, 200)
    rows = tree(made)

    column = {row.moment.n: row.lanes.index("●" if row.is_present else "○") for row in rows if row.moment}
    assert list(column) == [each.n for each in made]
    for before, row in pairwise(rows):
        if row.moment is None or row.moment.parent is None:
            continue
        if before.moment is None:
            branched = {"╮": "├", "╭": "┤"}
            corner = next(sign for sign in branched if sign in before.lanes)
            assert before.lanes.index(corner) == column[row.moment.n]
            assert before.lanes.index(branched[corner]) == column[row.moment.parent]
        else:
            assert column[row.moment.n] == column[row.moment.parent]


@pytest.mark.parametrize("seed", range(5))
def test_a_lane_stays_open_from_parent_to_child(seed):
    rows = tree(walk(seed, 200))
    at = {row.moment.n: (place, row.lanes.index("●" if row.is_present else "○")) for place, row in enumerate(rows) if row.moment}

    for row in rows:
        if row.moment is not None and row.moment.parent is not None:
            (above, column), (below, _) = at[row.moment.parent], at[row.moment.n]
            assert all(rows[place].lanes[column : column + 1] in set("│├┤┼●○") for place in range(above, below))


def test_a_thousand_moments_are_drawn_at_once_and_in_few_lanes():
    made = walk(7, 1_000)

    began = time.perf_counter()
    rows = tree(made)
    took = time.perf_counter() - began

    assert len([row for row in rows if row.moment]) == 1_000
    assert took < 1
    assert max(len(row.lanes) for row in rows) < 2 * sum(each.parent != each.n - 1 for each in made)
