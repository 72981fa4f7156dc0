"""`genie time history|show|diff`, as a user types them."""

from __future__ import annotations

import subprocess

import pytest

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture(scope="module")
def standing(bring):
    """The epic of the demo, merged."""

    def go(genie, folder):
        ended = genie("demo", "--keep", str(folder / "sample"), "--json")
        assert ended.code == 0, ended.err
        return ended.json()["id"]

    return bring(go)


@pytest.fixture
def merged(standing, tmp_path):
    """The epic, and the repository that it worked on."""
    return standing.id, tmp_path / "sample"


def test_the_past_of_an_epic_is_looked_at_from_its_terminal(genie, merged, git):
    epic, repo = merged

    history = genie("time", "history", epic)
    moments = genie("time", "history", epic, "--json").json()

    lines = history.out.splitlines()
    assert (history.code, len(lines), moments["next"]) == (0, 1 + len(moments["items"]), None)
    assert [line.split()[:2] for line in lines[1:]] == [["●", str(moment["n"])] for moment in moments["items"]]
    assert lines[0].split() == ["N", "STEP", "ATTEMPT", "OUTCOME", "COST", "SPENT", "COMMIT", "AGO", "BY"]
    assert [moment["decided_by"] for moment in moments["items"] if moment["step"] == "plan_gate"] == ["--yes"]

    shown = genie("time", "show", epic)
    detail = genie("time", "show", epic, "6", "--json").json()
    assert shown.code == 0
    assert f"moment     {len(moments['items'])} of {epic}" in shown.out
    assert "the epic is here" in shown.out
    assert (detail["n"], detail["step"], detail["state"]["step"], detail["parent"]) == (6, "implement", "test", 5)
    assert "durations/rendering.py" in [file["path"] for file in detail["files"]]
    assert f"go back to it with: genie time rollback {epic} --to 6" in genie("time", "show", epic, "6").out

    whole = genie("time", "diff", epic)
    begun = git(repo, "rev-list", "--max-parents=0", "HEAD")
    git(repo, "checkout", "--quiet", "--detach", begun)
    # What stands above the diff is skipped by whoever applies it.
    subprocess.run(["git", "-C", str(repo), "apply", "--check"], input=whole.out, text=True, check=True)
    assert whole.out.startswith("# step: planning → merge\n")
    assert "diff --git" not in genie("time", "diff", epic, "9", "11", "--state").out
    assert genie("time", "diff", epic, "9", "11", "--files").out.startswith("diff --git ")
    stat = genie("time", "diff", epic, "--stat")
    assert "durations/rendering.py" in stat.out
    assert "diff --git" not in stat.out
    assert {change["field"] for change in genie("time", "diff", epic, "9", "11", "--json").json()["state"]} >= {"step", "head", "review"}


def test_names_stand_for_moments_and_what_is_not_there_is_told_in_a_line(genie, merged):
    epic, _repo = merged
    assert genie("time", "mark", epic, "6", "written").code == 0

    by_name = genie("time", "show", epic, "written")
    differs = genie("time", "diff", epic, "architect-done", "written")
    missing = genie("time", "show", epic, "99")
    alone = genie("time", "compare", epic, epic)

    assert "name       written" in by_name.out
    assert "[written]" in genie("time", "history", epic).out
    assert genie("time", "diff", epic, "written", "written").out == "# the state has not changed\n"
    assert (differs.code, missing.code, alone.code) == (4, 4, 2)
    assert "has no moment named 'architect-done'" in differs.err
    assert f"has no moment 99: see `genie time history {epic}`" in missing.err
    assert "give two that differ" in alone.err
    assert all(len(ended.err.strip().splitlines()) == 1 for ended in (differs, missing, alone))


def test_a_terminal_without_lines_gets_letters(genie, merged):
    epic, _repo = merged

    drawn = genie("time", "history", epic, env={"PYTHONIOENCODING": "ascii"})

    assert {line[0] for line in drawn.out.splitlines()[1:]} == {"*"}
