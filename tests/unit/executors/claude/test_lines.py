"""Lines, however they come."""

from __future__ import annotations

import pytest

from executors.claude.lines import Lines


def _all(pieces, longest=1_000):
    lines = Lines(longest)
    return [line for piece in pieces for line in lines.feed(piece)], lines.last()


@pytest.mark.parametrize(
    "pieces, lines, last",
    [
        ([b"a\nb\n"], [b"a", b"b"], b""),
        ([b"a", b"b", b"\n", b"c"], [b"ab"], b"c"),
        ([b"\n\na"], [b"", b""], b"a"),
        ([b"a\n", b"", b"b\nc\nd"], [b"a", b"b", b"c"], b"d"),
    ],
)
def test_lines_are_put_together_from_pieces(pieces, lines, last):
    assert _all(pieces) == (lines, last)


def test_a_line_that_is_too_long_is_left_out_whole():
    assert _all([b"a\nxx", b"xxx", b"xx", b"xx\nb\n"], longest=6) == ([b"a", b"b"], b"")
    assert _all([b"a\nxxxxxxx"], longest=6) == ([b"a"], b"")


def test_a_line_without_end_is_not_kept():
    lines = Lines(longest=100)
    for _ in range(1_000):
        assert list(lines.feed(b"x" * 50)) == []

    assert sum(map(len, lines._parts)) <= 100
