"""Work trees that go from one attempt to the next: exactly what a new one would be, or not at all."""

from __future__ import annotations

import pytest

from timemachine.removals import remove_worktree
from timemachine.shelf import SHELVED, ready_worktree, shelf_of
from timemachine.snapshots import snapshot


@pytest.fixture
async def done(worktree, signature):
    """A work tree whose attempt has ended, and the commit with all of its work."""
    (worktree.path / "src" / "lamp.py").write_text("ON = True\n")
    (worktree.path / "src" / "wire.py").unlink()
    (worktree.path / "new.txt").write_text("new\n")
    return worktree, (await snapshot(worktree, signature=signature, message="Work")).commit


def _files(root):
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file() and path.name != ".git"}


def _shelved(mirror):
    return list(shelf_of(mirror).iterdir()) if shelf_of(mirror).is_dir() else []


async def test_the_next_attempt_gets_the_tree_of_the_last_as_new(done, mirror, base, home, git, signature):
    worktree, kept = done
    await remove_worktree(worktree, kept)
    assert not worktree.is_there()
    assert len(_shelved(mirror)) == 1

    again = await ready_worktree(mirror, home / "worktrees" / "e-2" / "e-2-1", base)
    fresh = await ready_worktree(mirror, home / "worktrees" / "e-3" / "e-3-1", base)

    assert again.admin == worktree.admin
    assert _shelved(mirror) == []
    assert _files(again.path) == _files(fresh.path)
    assert again.has_first_index()
    assert git(again.path, "status", "--porcelain") == ""
    assert await again.head() == base
    (again.path / "new.txt").write_text("other\n")
    assert (await snapshot(again, signature=signature, message="Next")).files == ("new.txt",)


@pytest.mark.parametrize("left", ["out.log", "build/x", "empty/"])
async def test_a_tree_with_anything_beside_its_commit_is_not_passed_on(done, mirror, left):
    worktree, kept = done
    place = worktree.path / left
    place.mkdir() if left.endswith("/") else place.parent.mkdir(exist_ok=True)
    if not left.endswith("/"):
        place.write_text("by-product\n")

    await remove_worktree(worktree, kept)

    assert not worktree.is_there()
    assert _shelved(mirror) == []


async def test_a_tree_whose_index_somebody_has_marked_is_not_passed_on(done, mirror, git):
    worktree, kept = done
    git(worktree.path, "update-index", "--assume-unchanged", "README.md")

    await remove_worktree(worktree, kept)

    assert _shelved(mirror) == []


async def test_what_came_to_a_tree_on_the_shelf_is_not_passed_on_nor_lost(done, mirror, base, home):
    worktree, kept = done
    await remove_worktree(worktree, kept)
    [shelved] = _shelved(mirror)
    (shelved / "out.log").write_text("from a process that did not end\n")

    fresh = await ready_worktree(mirror, home / "worktrees" / "e-2" / "e-2-1", base)

    assert fresh.admin != worktree.admin
    assert "out.log" not in _files(fresh.path)
    assert (shelved / "out.log").is_file()


async def test_a_crash_while_a_tree_is_switched_leaves_one_that_is_set_aside(done, mirror, base, home):
    worktree, kept = done
    await remove_worktree(worktree, kept)
    path = home / "worktrees" / "e-2" / "e-2-1"
    half = await ready_worktree(mirror, path, base)
    (half.admin / "index").rename(half.admin / SHELVED)

    whole = await ready_worktree(mirror, path, base)

    assert whole.admin != half.admin
    assert path.with_name("e-2-1.aside-1").is_dir()
    assert _files(whole.path) == _files(path.with_name("e-2-1.aside-1"))


async def test_the_shelf_has_little_room(mirror, base, home):
    trees = [await ready_worktree(mirror, home / "worktrees" / "e-4" / f"e-4-{n}", base) for n in range(4)]

    for tree in trees:
        await remove_worktree(tree, base)

    assert len(_shelved(mirror)) == 2
    assert not any(tree.is_there() for tree in trees)
