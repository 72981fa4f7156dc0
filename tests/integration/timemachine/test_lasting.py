"""Answers that never change are asked for once, and others each time."""

from __future__ import annotations

import shutil

import pytest

from epics.errors import GitFailed
from timemachine.lasting import MOST_BYTES, lasting
from timemachine.restores import restore_paths
from timemachine.shelf import put_on_shelf, ready_worktree, take_from_shelf


async def test_what_was_asked_once_is_known_without_git(mirror, base):
    tree = await lasting(mirror.git, "rev-parse", "--verify", f"{base}^{{tree}}")

    shutil.rmtree(mirror.path)

    assert await lasting(mirror.git, "rev-parse", "--verify", f"{base}^{{tree}}") == tree


async def test_a_work_tree_knows_what_its_mirror_was_asked(mirror, base, worktree):
    listed, inside = await lasting(mirror.git, "ls-tree", "-r", base), worktree.git()

    shutil.rmtree(mirror.path)

    assert await lasting(inside, "ls-tree", "-r", base) == listed


async def test_a_failure_is_not_kept(mirror, base, repo, git):
    git(repo, "commit", "--quiet", "--allow-empty", "--message", "On")
    newer = git(repo, "rev-parse", "HEAD")
    with pytest.raises(GitFailed):
        await lasting(mirror.git, "ls-tree", newer)

    assert await mirror.fetch_base("main") == newer != base

    assert await lasting(mirror.git, "ls-tree", newer)


async def test_a_long_answer_is_asked_for_again(mirror, repo, git):
    (repo / "long.txt").write_text("x" * (MOST_BYTES + 1))
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "--message", "Long")
    blob = git(repo, "rev-parse", "HEAD:long.txt")
    await mirror.fetch_base("main")
    assert len(await lasting(mirror.git, "cat-file", "blob", blob)) > MOST_BYTES

    shutil.rmtree(mirror.path)

    with pytest.raises(GitFailed):
        await lasting(mirror.git, "cat-file", "blob", blob)


async def test_a_tree_whose_head_cannot_be_read_is_not_taken_from_the_shelf(mirror, base, worktree, home):
    async with mirror.lock():
        assert await put_on_shelf(worktree, base)
    [head] = mirror.path.glob("worktrees/*/HEAD")
    head.write_text("1" * 40 + "\n")

    async with mirror.lock():
        assert await take_from_shelf(mirror, home / "worktrees" / "e-1" / "e-1-2") is None

    assert await (await ready_worktree(mirror, home / "worktrees" / "e-1" / "e-1-3", base)).head() == base


@pytest.mark.parametrize("change", ["text", "mode", "link", "gone", "more"])
async def test_a_file_that_is_not_just_what_the_commit_has_is_put_back(change, worktree, base):
    place = worktree.path / "README.md"
    content, mode = place.read_bytes(), place.stat().st_mode
    other = worktree.path / "kept.txt"
    match change:
        case "text":
            place.write_bytes(content[::-1])
        case "mode":
            place.chmod(0o755)
        case "link":
            other.write_bytes(content)
            place.unlink()
            place.symlink_to(other.name)
        case "gone":
            place.unlink()
        case _:
            (worktree.path / "src" / "more.py").write_text("")

    changed = await restore_paths(worktree, base, ["README.md", "src"])

    assert changed == (("src/more.py",) if change == "more" else ("README.md",))
    assert (place.is_symlink(), place.read_bytes(), place.stat().st_mode) == (False, content, mode)
    assert not (worktree.path / "src" / "more.py").exists()
    assert await restore_paths(worktree, base, ["README.md", "src"]) == ()
