"""`genie ask` and `genie asks`: from a sentence to the joined answer, from the command line."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.postgres

SCRIPTED = {"GENIE_EXECUTOR": "scripted"}


@pytest.fixture
def repo(git_repo):
    return git_repo({"README.md": "Greetings.\n", "genie.toml": '[test]\ncommand = "true"\n'})


def test_two_things_are_asked_for_done_here_and_shown(genie, repo):
    asked = genie("ask", "Draft the pull request text. Write the pull request description again.", "--explain", cwd=repo, env=SCRIPTED)
    ask = asked.id("q")
    shown = genie("asks", "show", ask[:10], "--json").json()
    listed = genie("asks", "list").out
    watched = genie("asks", "watch", ask)

    assert asked.code == 0, asked.err
    assert "SKILLS" in asked.out
    assert "Answer" in asked.out
    assert [part["agent"] for part in shown["parts"]] == ["pr", "pr"]
    assert [part["status"] for part in shown["parts"]] == ["done", "done"]
    assert shown["parts"][0]["scores"][0]["agent"] == "pr"
    assert shown["answer"].index("1. Draft") < shown["answer"].index("2. Write")
    assert ask in listed
    assert (watched.code, "part 2 [pr] done" in watched.out) == (0, True)


def test_where_the_scores_do_not_tell_it_says_who_there_is_and_how_to_choose(genie, repo):
    asked = genie("ask", "Paint the shed", "--repo", str(repo), "--json", env=SCRIPTED)
    ask = asked.json()["id"]
    wrong = genie("asks", "choose", ask, "dance")
    chosen = genie("asks", "choose", ask, "pr", "--json")
    done = genie("asks", "resume", ask)
    again = genie("asks", "cancel", ask)

    assert (asked.code, asked.json()["status"]) == (3, "needs_choice")
    assert f"genie asks choose {ask} AGENT --part 1" in asked.err
    assert wrong.code == 4
    assert (chosen.code, chosen.json()["status"]) == (0, "running")
    assert done.code == 0, done.err
    assert (again.code, "has ended already: it is done" in again.err) == (1, True)


def test_it_is_left_to_workers_and_cancelled_and_what_is_wrong_is_said(genie, repo):
    left = genie("ask", "Draft the pull request text", "--agent", "pr", "--repo", str(repo), "--detach", "--json", env=SCRIPTED)
    cancelled = genie("asks", "cancel", left.json()["id"], "--json")
    nobody = genie("ask", "Draft it", "--agent", "dance", "--repo", str(repo), env=SCRIPTED)
    empty = genie("ask", " ", "--repo", str(repo), env=SCRIPTED)
    missing = genie("asks", "show", "q-0000000000")

    assert (left.code, left.json()["parts"][0]["why"]) == (0, "it was asked for by name")
    assert "no worker is alive" in left.err
    assert cancelled.json()["status"] == "cancelled"
    assert (nobody.code, "dance" in nobody.err) == (4, True)
    assert (empty.code, "the request is empty" in empty.err) == (2, True)
    assert (missing.code, "there is no request" in missing.err) == (4, True)


def test_nothing_is_against_an_agent_and_that_is_said(genie):
    reset = genie("agent", "reset", "review")
    doctor = genie("doctor", "--json").json()["items"]

    assert (reset.code, reset.out.strip()) == (0, "nothing was against review")
    assert {"name": "agents", "state": "ok", "seen": "none is left out"}.items() <= next(
        check for check in doctor if check["name"] == "agents"
    ).items()
