"""Foreign text on the terminal."""

from __future__ import annotations

import pytest

from cli.output import printable


@pytest.mark.parametrize(
    "foreign,shown",
    [
        ("plain – ü 漢 👍", "plain – ü 漢 👍"),
        ("two\nlines\r\nthree", "two\nlines\nthree"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://evil\x07link\x1b]8;;\x07", "link"),
        ("over\rwritten\x08\x07", "overwritten"),
        ("right\u202eto left", "rightto left"),
        ("a\tb", "a    b"),
    ],
)
def test_only_what_can_be_read_is_left_of_foreign_text(foreign, shown):
    assert printable(foreign) == shown
