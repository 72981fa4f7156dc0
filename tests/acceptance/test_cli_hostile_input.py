"""Goals and repositories that cannot carry an epic: a clear sentence, exit code 2, and nothing is left behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.postgres

START = ("epic", "start", "add a lamp", "--executor", "scripted")


def refused(genie, *arguments: str, **options) -> str:
    """The one line with which a start was refused; no epic may be left of it."""
    ended = genie(*arguments, **options)

    assert ended.code == 2, ended.err
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert genie("epic", "list", "--json").json()["items"] == []
    return ended.err


@pytest.mark.parametrize("goal", ["", "   \n\t "])
def test_an_empty_goal_is_refused(genie, git_repo, goal):
    said = refused(genie, "epic", "start", "-", "--executor", "scripted", "--repo", str(git_repo()), stdin=goal)

    assert "goal" in said


def test_a_goal_of_a_megabyte_is_refused_with_its_size(genie, git_repo):
    said = refused(genie, "epic", "start", "-", "--executor", "scripted", "--repo", str(git_repo()), stdin="lamp " * 210_000)

    assert "goal" in said
    assert len(said) < 500


def test_a_goal_with_a_nul_is_refused(genie, git_repo):
    said = refused(genie, "epic", "start", "-", "--executor", "scripted", "--repo", str(git_repo()), stdin="a\0lamp")

    assert "goal" in said or "NUL" in said


def test_a_repository_that_is_not_there_is_refused(genie, tmp_path):
    said = refused(genie, *START, "--repo", str(tmp_path / "nowhere"))

    assert "nowhere" in said


def test_a_folder_without_git_is_refused(genie, tmp_path):
    (tmp_path / "plain").mkdir()

    said = refused(genie, *START, "--repo", str(tmp_path / "plain"))

    assert "git" in said


def test_a_repository_without_a_commit_is_refused(genie, git, tmp_path):
    repo = tmp_path / "empty"
    repo.mkdir()
    git(repo, "init", "--quiet", "--initial-branch=main")

    said = refused(genie, *START, "--repo", str(repo))

    assert "commit" in said


def test_a_base_branch_that_is_gone_is_refused_by_name(genie, git_repo):
    said = refused(genie, *START, "--repo", str(git_repo()), "--base", "feature-that-was-merged")

    assert "feature-that-was-merged" in said


def test_a_model_that_nobody_knows_is_refused(genie, git_repo):
    said = refused(genie, "epic", "start", "add a lamp", "--model", "nobody:nothing", "--repo", str(git_repo()))

    assert "nobody:nothing" in said


def test_no_model_at_all_is_refused_with_the_way_to_set_one(genie, git_repo):
    said = refused(genie, "epic", "start", "add a lamp", "--repo", str(git_repo()))

    assert "GENIE_MODEL" in said


def queued(genie, *arguments: str) -> dict[str, object]:
    ended = genie(*arguments, "--detach", "--json")

    assert ended.code == 0, ended.err
    return ended.json()


def test_a_bare_repository_carries_an_epic(genie, git, git_repo, tmp_path):
    git(git_repo(), "clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))

    epic = queued(genie, *START, "--repo", str(tmp_path / "bare.git"))

    assert epic["status"] == "queued"


def test_a_dirty_checkout_carries_an_epic_and_stays_as_it_is(genie, git, git_repo):
    repo = git_repo()
    (repo / "README.md").write_text("work in progress\n")
    (repo / "notes.txt").write_text("mine\n")
    before = git(repo, "status", "--porcelain")

    epic = queued(genie, *START, "--repo", str(repo))

    assert epic["base"] == "main"
    assert git(repo, "status", "--porcelain") == before


def test_a_detached_checkout_is_refused_or_takes_the_branch_that_is_named(genie, git, git_repo):
    repo = git_repo()
    git(repo, "checkout", "--quiet", "--detach")

    said = refused(genie, *START, "--repo", str(repo))
    epic = queued(genie, *START, "--repo", str(repo), "--base", "main")

    assert "--base" in said
    assert epic["base"] == "main"


def test_a_shallow_repository_is_refused_or_carried_but_never_a_traceback(genie, git, git_repo, tmp_path):
    repo = git_repo()
    (repo / "more.txt").write_text("more\n")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message", "More")
    git(repo, "clone", "--quiet", "--depth=1", f"file://{repo}", str(tmp_path / "shallow"))

    ended = genie(*START, "--repo", str(tmp_path / "shallow"), "--detach")

    assert ended.code in {0, 2}
    assert "Traceback" not in ended.err


def test_the_goal_may_come_from_a_file(genie, git_repo, tmp_path):
    file = tmp_path / "goal.txt"
    file.write_text("add a lamp\n")
    start = ("epic", "start", "--goal-file", str(file), "--executor", "scripted", "--repo", str(git_repo()))

    epic = queued(genie, *start, "--label", "team=web")

    assert (epic["goal"], epic["labels"]) == ("add a lamp", {"team": "web"})


def test_a_reader_that_has_seen_enough_is_not_told_of_a_broken_pipe(genie_environment, tmp_path):
    command = "{ PYTHON -P -c 'from cli.main import main; main()' agent list; echo $? >&2; } | head -c 1 > /dev/null"
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace("PYTHON", sys.executable)],
        env=genie_environment,
        cwd=Path(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
