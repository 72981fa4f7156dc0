"""One order of several."""

from __future__ import annotations

import pytest

from memory.fusing import ranked


def test_what_two_ways_find_comes_before_what_one_finds_first():
    order = ranked({"text": ["a", "b"], "vector": ["c", "b"]})

    assert [each.key for each in order] == ["b", "a", "c"]
    assert order[0].ways == {"text": 2, "vector": 2}
    assert order[0].score == pytest.approx(2 / 62)


def test_what_is_beside_the_hits_ranks_after_them():
    order = ranked({"text": ["a", "b"], "neighbours": ["c"]}, first={"neighbours": 3})

    assert [(each.key, each.ways) for each in order] == [("a", {"text": 1}), ("b", {"text": 2}), ("c", {"neighbours": 3})]


def test_a_way_that_finds_something_twice_counts_once():
    assert [each.ways for each in ranked({"text": ["a", "a", "b"]})] == [{"text": 1}, {"text": 2}]
