"""Work trees to try things in: put to any files, and gone without a trace, those of a replay that was killed too."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from timemachine.mirrors import Mirror, open_mirror
from timemachine.scratch import files_now, forget_scratch, put_files, scratch_worktree
from timemachine.worktrees import add_worktree

ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}


@pytest.fixture
async def mirror(tmp_path, git_repo) -> Mirror:
    """The mirror of a repository with a file, a script, a link, and something ignored."""
    repo: Path = git_repo({"a.txt": "one\n", "b/c.txt": "two\n", ".gitignore": "made/\n"})
    made = await open_mirror(tmp_path / "home", str(repo), ENVIRONMENT)
    await made.fetch_base("main")
    return made


def registered(mirror: Mirror) -> list[Path]:
    entries = mirror.path / "worktrees"
    return list(entries.iterdir()) if entries.is_dir() else []


async def test_files_are_put_to_any_tree_and_back_and_nothing_is_left(mirror, tmp_path):
    commit = str(await mirror.cached_base("main"))
    refs = await mirror.git.run("for-each-ref")

    async with scratch_worktree(mirror, tmp_path / "replays" / "one", commit) as worktree:
        begun = await files_now(worktree)
        (worktree.path / "a.txt").unlink()
        (worktree.path / "b" / "c.txt").write_text("2wo\n")
        (worktree.path / "new.sh").write_text("#!/bin/sh\n")
        (worktree.path / "new.sh").chmod(0o755)
        (worktree.path / "link").symlink_to("new.sh")
        (worktree.path / "made").mkdir()
        (worktree.path / "made" / "log").write_text("kept\n")
        changed = await files_now(worktree)
        await put_files(worktree, commit)
        assert await files_now(worktree) == begun
        assert sorted(path.name for path in worktree.path.iterdir()) == [".git", ".gitignore", "a.txt", "b", "made"]
        await put_files(worktree, changed)
        assert await files_now(worktree) == changed
        assert os.access(worktree.path / "new.sh", os.X_OK)
        assert (worktree.path / "link").readlink() == Path("new.sh")
        assert not (worktree.path / "a.txt").exists()

    assert begun != changed
    assert not worktree.path.exists()
    assert registered(mirror) == []
    assert await mirror.git.run("for-each-ref") == refs


async def test_what_a_killed_replay_left_goes_after_a_while_and_no_other_work_tree(mirror, tmp_path):
    commit = str(await mirror.cached_base("main"))
    replays = tmp_path / "replays"
    left = await add_worktree(mirror, replays / "dead" / "e-1", commit)
    at_work = await add_worktree(mirror, replays / "alive" / "e-2", commit)
    attempt = await add_worktree(mirror, tmp_path / "home" / "worktrees" / "e-3" / "e-3-1", commit)
    long_ago = time.time() - 100
    os.utime(replays / "dead", (long_ago, long_ago))

    await forget_scratch(mirror, replays, older_than_s=60)

    assert not left.path.exists()
    assert at_work.path.is_dir()
    assert sorted(registered(mirror)) == sorted([at_work.admin, attempt.admin])
