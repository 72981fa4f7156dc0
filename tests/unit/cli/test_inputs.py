"""What people type, made into values or refused."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest

from cli.inputs import dollars, goal_from, labels_from, repository_at
from epics.errors import InvalidInput


def test_a_goal_is_taken_as_it_was_written():
    assert goal_from("add a lamp", None) == "add a lamp"


def test_a_dash_reads_the_goal_from_stdin():
    assert goal_from("-", None, BytesIO("füge eine Lampe hinzu".encode())) == "füge eine Lampe hinzu"


def test_a_goal_that_is_not_text_is_refused():
    with pytest.raises(InvalidInput, match="not UTF-8"):
        goal_from("-", None, BytesIO(b"\xff\xfe"))


def test_no_goal_is_refused_with_the_way_to_give_one():
    with pytest.raises(InvalidInput, match="--goal-file"):
        goal_from(None, None)


def test_two_goals_are_refused():
    with pytest.raises(InvalidInput, match="two goals"):
        goal_from("one", Path("other"))


@pytest.mark.parametrize("text,amount", [("2.50", Decimal("2.50")), ("$3", Decimal(3)), (" 0.001 ", Decimal("0.001"))])
def test_dollars_are_read_exactly(text, amount):
    assert dollars(text, "--budget") == amount


@pytest.mark.parametrize("text", ["0", "-1", "NaN", "Infinity", "1e999999999", "much", ""])
def test_what_is_no_amount_is_refused_with_the_option_and_the_value(text):
    with pytest.raises(InvalidInput, match="--budget") as refused:
        dollars(text, "--budget")

    assert repr(text) in str(refused.value)


def test_a_label_may_hold_an_equals_sign():
    assert labels_from(["team=web", "note=a=b", "empty="]) == {"team": "web", "note": "a=b", "empty": ""}


@pytest.mark.parametrize("pairs", [["team"], ["=web"], ["a=1", "a=2"]])
def test_a_label_without_a_key_or_given_twice_is_refused(pairs):
    with pytest.raises(InvalidInput):
        labels_from(pairs)


def test_a_repository_is_found_from_a_folder_inside_it(tmp_path: Path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "src" / "deep").mkdir(parents=True)

    assert repository_at(str(tmp_path / "src" / "deep")) == str(tmp_path.resolve())


def test_the_address_of_a_repository_stays_as_it_is():
    assert repository_at("https://example.org/lamps.git") == "https://example.org/lamps.git"
