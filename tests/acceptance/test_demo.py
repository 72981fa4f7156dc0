"""The demonstration: a whole epic, from the goal to the merge, with nothing made up but the model."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def test_the_demo_merges_what_it_was_asked_for_and_shows_the_way_there(genie, git, tmp_path):
    place = tmp_path / "sample"

    ended = genie("demo", "--keep", str(place), fresh=True)

    assert ended.code == 0, ended.out + ended.err
    asked = "import durations; print(durations.render(5400), durations.render(0), durations.parse(durations.render(90061)))"
    assert subprocess.check_output([sys.executable, "-B", "-c", asked], cwd=place, text=True) == "1h30m 0s 90061\n"
    assert git(place, "status", "--porcelain") == ""
    assert git(place, "rev-list", "--count", "main") == "7"
    for told in (
        "scope_creep",
        "tests failed",
        "tests passed",
        "approve by --yes",
        "Branches",
        "Moments",
        "What was merged",
        "Cost",
        str(place),
    ):
        assert told in ended.out
    assert ended.err == ""


def test_the_demo_of_every_day_begins_with_the_same_commit(genie, git, tmp_path):
    env = {"GIT_AUTHOR_NAME": "Somebody", "GIT_CONFIG_GLOBAL": "/nowhere"}

    ended = [genie("demo", "--ask", "--keep", str(tmp_path / name), env=env) for name in ("one", "two")]

    assert [each.code for each in ended] == [3, 3]
    assert git(tmp_path / "one", "rev-parse", "main") == git(tmp_path / "two", "rev-parse", "main")


def test_the_demo_does_not_write_where_something_is(genie, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")

    ended = genie("demo", "--keep", str(tmp_path / "taken"))

    assert ended.code == 2
    assert "not empty" in ended.err
    assert sorted(path.name for path in (tmp_path / "taken").iterdir()) == ["mine.txt"]


def test_the_demo_plays_its_script_whatever_model_is_set(genie, tmp_path):
    env = {"GENIE_MODEL": "anthropic:some-model", "GENIE_EXECUTOR": "in_process"}

    ended = genie("demo", "--ask", "--keep", str(tmp_path / "sample"), "--json", env=env)

    assert ended.code == 3
    assert ended.json()["executor"] == "scripted"
