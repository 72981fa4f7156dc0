"""The time machine as a person uses it: rollback, undo and fork, by the command alone and against a server."""

from __future__ import annotations

import subprocess

import pytest

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def git(repo, *arguments):
    return subprocess.run(["git", "-C", repo, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def standing(bring):
    """The sample epic where it waits for its merge."""

    def go(genie, folder):
        started = genie("demo", "--ask", "--keep", str(folder / "sample"), "--json")
        assert started.code == 3, started.err
        ended = genie("approval", "approve", started.json()["id"], "--go", "--json")
        assert ended.json()["step"] == "merge_gate", ended.err
        return ended.json()["id"]

    return bring(go)


@pytest.fixture
def at_merge_gate(standing, tmp_path):
    """The epic, and its repository."""
    return standing.id, tmp_path / "sample"


def moment_after(genie, epic, step):
    moments = genie("time", "history", epic, "--json").json()["items"]
    return next(moment for moment in moments if moment["step"] == step)


def test_back_to_the_plan_and_forward_again(genie, at_merge_gate):
    epic, sample = at_merge_gate
    refs = git(sample, "for-each-ref", "refs/heads/genie")
    planned = moment_after(genie, epic, "architect")

    dry = genie("time", "rollback", epic, "--to", str(planned["n"]), "--dry-run")
    assert dry.code == 0, dry.err
    assert "durations/rendering.py" in dry.out
    assert "nothing is changed" in dry.out
    back = genie("time", "rollback", epic, "--to", str(planned["n"]), "--guidance", "Keep it short.")
    assert back.code == 0, back.err
    assert f"genie epic resume {epic}" in back.out
    shown = genie("epic", "show", epic, "--json").json()
    assert (shown["status"], shown["step"]) == ("paused", "plan_gate")
    waiting = genie("epic", "resume", epic, "--json")
    assert (waiting.code, waiting.json()["step"]) == (3, "plan_gate")
    undone = genie("time", "undo", epic, "--json").json()
    assert (undone["done"], undone["epic"]["step"], undone["epic"]["status"]) == ("done", "merge_gate", "paused")
    merged = genie("epic", "resume", epic, "--yes", "--json")

    assert merged.json()["status"] == "merged"
    assert refs
    assert set(refs.splitlines()) <= set(git(sample, "for-each-ref", "refs/heads/genie").splitlines())


def test_a_fork_goes_its_own_way_at_once(genie, at_merge_gate):
    epic, _ = at_merge_gate
    planned = moment_after(genie, epic, "plan_gate")
    genie("time", "mark", epic, str(planned["n"]), "planned")

    fork = genie("time", "fork", epic, "--at", "planned", "--budget", "3", "--label", "try=2", "--resume", "--json")

    assert fork.code == 3, fork.err
    made = fork.json()
    assert (made["forked_from"], made["forked_at"], made["step"]) == (epic, planned["n"], "merge_gate")
    assert (made["labels"], made["budget_usd"]) == ({"demo": "yes", "try": "2"}, "3")
    assert genie("epic", "show", epic, "--json").json()["status"] == "waiting"


def test_what_cannot_be_is_one_line(genie, at_merge_gate):
    epic, _ = at_merge_gate
    for arguments, code, said in (
        (("rollback", epic, "--to", "99"), 4, "no moment 99"),
        (("rollback", epic, "--to", "nowhere"), 4, "nowhere"),
        (("rollback", epic, "--level", "full"), 2, "needs --to"),
        (("undo", epic), 1, "never rolled back"),
        (("fork", epic, "--at", "77"), 4, "no moment 77"),
        (("fork", epic, "--at", "1", "--executor", "nobody"), 2, "no executor 'nobody'"),
    ):
        ended = genie("time", *arguments)

        assert (arguments, ended.code, len(ended.err.strip().splitlines())) == (arguments, code, 1)
        assert said in ended.err
