"""Questions at the terminal."""

from __future__ import annotations

import asyncio
import os

import pytest

from cli.keyboard import Keyboard, choice_in, menu

FAILURE = ("retry", "rollback", "abandon", "diff", "later")


def test_the_menu_marks_what_must_be_typed():
    assert menu(FAILURE) == "[re]try  [ro]llback  [a]bandon  [d]iff  [l]ater"


@pytest.mark.parametrize(
    "line,chosen",
    [
        ("a", ("abandon", "")),
        ("RO", ("rollback", "")),
        ("retry with the other parser", ("retry", "with the other parser")),
        ("r", None),
        ("", None),
        ("approve", None),
    ],
)
def test_a_line_chooses_by_any_clear_beginning_and_its_rest_is_the_comment(line, chosen):
    assert choice_in(line, FAILURE) == chosen


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


async def test_lines_that_come_at_once_are_handed_out_one_by_one(pipe):
    reading, writing = pipe
    os.write(writing, b"changes\nname it better\nla")
    os.close(writing)
    keyboard = Keyboard(reading)

    lines = [await keyboard.line() for _ in range(3)]

    assert lines == ["changes", "name it better", None]


async def test_waiting_for_a_line_holds_up_nothing_and_can_be_cancelled(pipe):
    reading, writing = pipe
    waiting = asyncio.create_task(Keyboard(reading).line())
    await asyncio.sleep(0)

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    os.close(writing)


async def test_a_file_in_the_place_of_a_keyboard_is_read_to_its_end(tmp_path):
    (tmp_path / "lines").write_text("one\ntwo")

    with (tmp_path / "lines").open("rb") as file:
        keyboard = Keyboard(file.fileno())
        read = [await keyboard.line(unended=True) for _ in range(3)]

    assert read == ["one", "two", None]


async def test_a_line_that_does_not_end_is_no_answer_to_a_question(tmp_path):
    (tmp_path / "lines").write_text("approve")

    with (tmp_path / "lines").open("rb") as file:
        assert await Keyboard(file.fileno()).line() is None
