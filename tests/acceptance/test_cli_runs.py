"""`genie agent run` and `genie run`: one workflow on a repository, from the command line."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.postgres

SCRIPTED = {"GENIE_EXECUTOR": "scripted"}


@pytest.fixture
def repo(git_repo):
    return git_repo({"README.md": "Greetings.\n", "genie.toml": '[test]\ncommand = "true"\n'})


def test_a_workflow_is_run_here_and_its_output_shown_and_kept(genie, repo):
    ran = genie("agent", "run", "pr", cwd=repo, env=SCRIPTED)
    run = ran.id("r")
    shown = genie("run", "show", run[:10], "--json").json()
    listed = genie("run", "list").out
    logged = genie("run", "logs", run, "--json").json()["items"]
    watched = genie("run", "watch", run, "--json").out.splitlines()
    resumed = genie("run", "resume", run)

    assert ran.code == 0, ran.err
    assert "Handed back" in ran.out
    assert f"run {run}: done" in ran.out
    assert (shown["status"], shown["workflow"], shown["executor"]) == ("done", "pr", "scripted")
    assert shown["output"]["title"] in ran.out
    assert run in listed
    assert len(logged) == shown["turns"]
    assert [json.loads(line)["type"] for line in watched][0 :: len(watched) - 1] == ["run_queued", "run_ended"]
    assert (resumed.code, genie("epic", "list", "--json").json()["items"]) == (0, [])


def test_a_run_is_left_to_workers_and_cancelled(genie, repo):
    left = genie("agent", "run", "pr", "--repo", str(repo), "--detach", "--json", env=SCRIPTED)
    run = left.json()["id"]
    cancelled = genie("run", "cancel", run, "--reason", "too dear", "--json")
    watched = genie("run", "watch", run)
    again = genie("run", "cancel", run)

    assert (left.code, left.json()["status"]) == (0, "queued")
    assert "no worker is alive" in left.err
    assert (cancelled.code, cancelled.json()["status"]) == (0, "cancelled")
    assert "too dear" in watched.out
    assert watched.code == 1
    assert (again.code, "has ended already: it is cancelled" in again.err) == (1, True)


def test_what_is_wrong_is_said_in_one_line_with_the_exit_code_for_it(genie, repo, tmp_path):
    (tmp_path / "plan.json").write_text('{"summary": "x"}')
    said = {}
    for arguments in (
        ("implement",),
        ("dance",),
        ("pr", "--var", "colour=red"),
        ("pr", "--var", "plan"),
        ("implement", "--task", "x", "--var", f"plan=@{tmp_path / 'plan.json'}"),
        ("pr", "--var", "plan=@/nowhere"),
        ("pr", "--at", "v9"),
    ):
        ended = genie("agent", "run", *arguments, "--repo", str(repo), env=SCRIPTED)
        said[arguments] = (ended.code, ended.err.strip())
    missing = genie("run", "show", "r-0000000000")

    codes = [code for code, _ in said.values()]
    lines = [line for _, line in said.values()]
    assert codes == [2, 4, 2, 2, 2, 2, 2], said
    assert all("\n" not in line for line in lines)
    assert "needs goal" in lines[0]
    assert "plan.tasks does not fit" in lines[4]
    assert (missing.code, "there is no run" in missing.err) == (4, True)
