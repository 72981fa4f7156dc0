"""Several attempts side by side, as a person starts, compares and picks them; by the command alone."""

from __future__ import annotations

import subprocess

import pytest

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

GOAL = "Add durations.render."
HOW = ("--executor", "scripted", "--model", "scripted:demo")


def test_two_attempts_run_in_the_foreground_and_the_rule_picks(genie, sample):
    ended = genie("epic", "start", GOAL, "--repo", sample, *HOW, "--attempts", "2", "--yes", "--budget", "5")

    assert ended.code == 0, ended.out + ended.err
    assert "2 attempts side by side" in ended.out
    assert "[1] " in ended.out
    assert "[2] " in ended.out
    assert "picked by the rule" in ended.out
    epic = ended.id("e")
    race = genie("time", "race", epic, "--json").json()
    assert (race["state"], race["attempts"], race["picked_by"], race["at_work"]) == ("picked", 2, "the rule", False)
    assert [entry["status"] for entry in race["entries"]] == ["cancelled", "cancelled"]
    assert {entry["score"]["tests"] for entry in race["entries"]} == {"passed"}
    shown = genie("epic", "show", race["winner"], "--json").json()
    assert (shown["forked_from"], shown["labels"]) == (epic, {"attempt": "1 of 2"})
    table = genie("time", "race", epic).out
    assert "attempt 1 of 2 was picked by the rule" in table
    assert "tested and reviewed" in table
    assert "picked" in genie("time", "history", epic).out
    replayed = genie("replay", epic, "--verify")
    assert replayed.code == 0, replayed.out
    git = ["git", "-C", sample]
    assert subprocess.run([*git, "show", "main:durations/rendering.py"], check=True, capture_output=True, text=True).stdout


def test_a_person_compares_and_picks(genie, sample):
    stopped = genie("epic", "start", GOAL, "--repo", sample, *HOW, "--attempts", "2", "--yes", "--autonomy", "ask")
    # Each failed attempt asks: both wait at their failure gates.
    assert stopped.code == 3, stopped.out + stopped.err
    epic = stopped.id("e")
    assert f"genie time pick {epic} FORK" in stopped.out
    race = genie("time", "race", epic, "--json").json()
    assert [entry["status"] for entry in race["entries"]] == ["waiting", "waiting"]
    second = race["entries"][1]["fork"]
    helped = genie("approval", "retry", second, "--comment", "Go on.", "--go")
    assert "tested and reviewed: attempt 2 of 2" in helped.out, helped.out + helped.err
    again = genie("epic", "resume", epic)
    assert "1 of 2 attempts passed" in again.out

    merged = genie("time", "pick", epic, second, "--resume", "--json")

    assert (merged.code, merged.json()["status"], merged.json()["race"]) == (0, "merged", "picked"), merged.err
    late = genie("time", "pick", epic, "1")
    assert (late.code, "picked already" in late.err) == (1, True)


def test_what_cannot_be_is_one_line(genie, sample):
    for arguments, code, said in (
        (("epic", "start", GOAL, "--repo", sample, "--attempts", "1"), 2, "greater than or equal to 2"),
        (("time", "race", "e-0000000000"), 4, "no epic"),
    ):
        ended = genie(*arguments)
        assert (arguments, ended.code, said in ended.err) == (arguments, code, True), ended.err
