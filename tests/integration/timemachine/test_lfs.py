"""Git LFS in work trees: contents in the tree, pointers in git, and nothing that an attempt writes leads anywhere."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.fakes.git_lfs import needed_lfs
from timemachine.branches import create_branch, publish
from timemachine.landing import Landed, Refused, land
from timemachine.lfs_filling import LfsFilled, fill_lfs
from timemachine.mirrors import open_mirror, protect
from timemachine.removals import remove_worktree
from timemachine.shelf import ready_worktree, shelf_of
from timemachine.snapshots import snapshot, unsaved_paths
from timemachine.worktrees import add_worktree

ATTRIBUTES = "*.bin filter=lfs diff=lfs merge=lfs -text\n"


@pytest.fixture(scope="module", autouse=True)
def _git_lfs() -> None:
    needed_lfs()


@pytest.fixture
def lfs_repo(git_repo, git) -> Path:
    repo = git_repo({".gitattributes": ATTRIBUTES, "README.md": "Art.\n"}, name="art")
    git(repo, "lfs", "install", "--local", "--skip-smudge")
    (repo / "art.bin").write_bytes(b"first\0content" * 1000)
    git(repo, "add", "art.bin")
    git(repo, "commit", "--quiet", "--message", "Add art")
    return repo


@pytest.fixture
async def tree(lfs_repo, home, env):
    mirror = await open_mirror(home, str(lfs_repo), env)
    base = await mirror.fetch_base("main")
    return await add_worktree(mirror, home / "worktrees" / "e" / "e-1", base)


def pointer(content: bytes) -> str:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{hashlib.sha256(content).hexdigest()}\nsize {len(content)}"


async def changed(worktree, signature, message="work\n"):
    taken = await snapshot(worktree, signature=signature, message=message)
    await protect(worktree.mirror, taken.commit)
    return taken


async def test_a_work_tree_has_the_contents_and_that_is_no_work(tree, signature):
    filled = await fill_lfs(tree)

    assert filled == LfsFilled(filled=1)
    assert (tree.path / "art.bin").read_bytes() == b"first\0content" * 1000
    assert not (await snapshot(tree, signature=signature, message="none\n")).changed


async def test_a_file_that_only_looks_newer_is_no_work_either(tree, signature):
    (tree.path / "art.bin").write_bytes((tree.path / "art.bin").read_bytes())

    assert not (await snapshot(tree, signature=signature, message="none\n")).changed
    assert await unsaved_paths(tree, await tree.head()) == ()


async def test_what_is_changed_and_added_becomes_pointers(tree, git, signature):
    (tree.path / "art.bin").write_bytes(b"second\0content")
    (tree.path / "new.bin").write_bytes(b"new\0content")
    (tree.path / "plain.txt").write_text("plain\n")

    taken = await changed(tree, signature)

    mirror = tree.mirror
    assert taken.files == ("art.bin", "new.bin", "plain.txt")
    assert git(mirror.path, "show", f"{taken.commit}:art.bin") == pointer(b"second\0content")
    assert git(mirror.path, "show", f"{taken.commit}:new.bin") == pointer(b"new\0content")
    assert git(mirror.path, "show", f"{taken.commit}:plain.txt") == "plain"


async def test_contents_that_an_attempt_committed_by_itself_become_pointers(tree, git, signature):
    base = await tree.head()
    (tree.path / "art.bin").write_bytes(b"second\0content")
    (tree.path / "plain.txt").write_text("plain\n")
    # Older than the index that git is about to write, or else git would look into it again by itself.
    os.utime(tree.path / "art.bin", (1_000_000_000, 1_000_000_000))
    git(tree.path, "add", "--all")
    git(tree.path, "commit", "--quiet", "--message", "By itself")
    assert git(tree.path, "cat-file", "-s", "HEAD:art.bin") == "14"

    taken = await changed(tree, signature)

    assert taken.changed
    assert git(tree.mirror.path, "show", f"{taken.commit}:art.bin") == pointer(b"second\0content")
    assert git(tree.mirror.path, "diff", "--name-only", base, taken.commit) == "art.bin\nplain.txt"
    assert await unsaved_paths(tree, taken.commit) == ()


async def test_the_next_work_tree_has_what_the_one_before_wrote(tree, home, signature):
    (tree.path / "art.bin").write_bytes(b"second\0content")
    taken = await changed(tree, signature)

    after = await add_worktree(tree.mirror, home / "worktrees" / "e" / "e-2", taken.commit)

    assert (after.path / "art.bin").read_bytes() == b"second\0content"


async def test_a_tree_from_the_shelf_has_the_contents_of_its_own_commit(tree, home, signature):
    base = await tree.head()
    (tree.path / "art.bin").write_bytes(b"second\0content")
    taken = await changed(tree, signature)
    await remove_worktree(tree, taken.commit)
    assert list(shelf_of(tree.mirror).iterdir())

    again = await ready_worktree(tree.mirror, home / "worktrees" / "e" / "e-2", base)

    assert list(shelf_of(tree.mirror).iterdir()) == []
    assert (again.path / "art.bin").read_bytes() == b"first\0content" * 1000
    assert not (await snapshot(again, signature=signature, message="none\n")).changed


async def test_a_content_that_comes_later_fills_a_tree_that_was_made_before(lfs_repo, home, env, signature):
    (lfs_repo / ".git/lfs").rename(lfs_repo / ".git/away")
    mirror = await open_mirror(home, str(lfs_repo), env)
    worktree = await add_worktree(mirror, home / "worktrees" / "e" / "e-1", await mirror.fetch_base("main"))
    before = await fill_lfs(worktree)
    (lfs_repo / ".git/away").rename(lfs_repo / ".git/lfs")

    after = await fill_lfs(worktree)

    assert before is not None
    assert before.pointers == ("art.bin",)
    assert after == LfsFilled(filled=1)
    assert (worktree.path / "art.bin").read_bytes() == b"first\0content" * 1000
    assert worktree.has_first_index()
    assert not (await snapshot(worktree, signature=signature, message="none\n")).changed


async def test_a_content_with_another_hash_is_not_taken(lfs_repo, home, env):
    [kept] = [path for path in (lfs_repo / ".git/lfs/objects").rglob("*") if path.is_file()]
    kept.chmod(0o644)
    kept.write_bytes(b"other\0content" * 1000)
    mirror = await open_mirror(home, str(lfs_repo), env)

    worktree = await add_worktree(mirror, home / "worktrees" / "e" / "e-1", await mirror.fetch_base("main"))

    assert (worktree.path / "art.bin").read_bytes().startswith(b"version https://git-lfs")


async def test_merged_work_is_a_pointer_in_git_and_a_content_in_the_checkout(tree, lfs_repo, git, signature):
    base = await tree.head()
    (tree.path / "art.bin").write_bytes(b"second\0content")
    (tree.path / "new.bin").write_bytes(b"new\0content")
    taken = await changed(tree, signature)

    landed = await land(tree.mirror, base_branch="main", head=taken.commit, expected_base=base, message="m\n", signature=signature)

    assert landed == Landed(commit=taken.commit, how="ff")
    assert git(lfs_repo, "show", "main:art.bin") == pointer(b"second\0content")
    assert (lfs_repo / "art.bin").read_bytes() == b"second\0content"
    assert (lfs_repo / "new.bin").read_bytes() == b"new\0content"
    assert git(lfs_repo, "status", "--porcelain") == ""
    assert "OK" in git(lfs_repo, "lfs", "fsck")


async def test_a_published_branch_brings_its_contents(tree, lfs_repo, signature):
    (tree.path / "new.bin").write_bytes(b"new\0content")
    taken = await changed(tree, signature)
    await create_branch(tree.mirror, "genie/e/implement/attempt_1", taken.commit)

    await publish(tree.mirror, ["genie/e/implement/attempt_1"])

    oid = hashlib.sha256(b"new\0content").hexdigest()
    assert (lfs_repo / ".git/lfs/objects" / oid[:2] / oid[2:4] / oid).read_bytes() == b"new\0content"


async def test_work_whose_content_is_not_there_is_not_merged(tree, lfs_repo, git, signature):
    base = await tree.head()
    (tree.path / "new.bin").write_bytes(b"new\0content")
    taken = await changed(tree, signature)
    (tree.mirror.path / "lfs").rename(tree.mirror.path / "away")

    landed = await land(tree.mirror, base_branch="main", head=taken.commit, expected_base=base, message="m\n", signature=signature)

    assert isinstance(landed, Refused)
    assert "contents of Git LFS" in landed.why
    assert git(lfs_repo, "rev-parse", "main") == base


async def test_nothing_that_an_attempt_writes_makes_git_run_or_reach_anything(tree, git, tmp_path, signature):
    marker = tmp_path / "marker"
    program = f"sh -c 'touch {marker}'"
    (tree.path / ".lfsconfig").write_text(f'[lfs]\n\turl = "ext::{program}"\n[lfs "customtransfer.x"]\n\tpath = {program}\n')
    (tree.path / ".gitattributes").write_text("*.dat filter=lfs\n*.txt filter=evil\n")
    for name, value in {"filter.lfs.clean": program, "filter.lfs.process": program, "filter.evil.clean": program}.items():
        git(tree.path, "config", name, value)
    hooks = tree.mirror.path / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-push", "post-checkout", "post-commit", "post-merge"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (hooks / name).chmod(0o755)
    (tree.path / "a.txt").write_text("text\n")
    (tree.path / "b.dat").write_text("data\n")

    taken = await changed(tree, signature)
    await fill_lfs(tree)
    again = await add_worktree(tree.mirror, tmp_path / "again", taken.commit)

    assert (again.path / "b.dat").read_text() == "data\n"
    assert git(tree.mirror.path, "show", f"{taken.commit}:a.txt") == "text"
    assert not marker.exists()


async def test_a_link_in_the_place_of_a_file_is_not_followed(tree, tmp_path):
    outside = tmp_path / "outside.bin"
    outside.write_text(pointer(b"first\0content" * 1000) + "\n")
    (tree.path / "art.bin").unlink()
    (tree.path / "art.bin").symlink_to(outside)

    await fill_lfs(tree)

    assert outside.read_text() == pointer(b"first\0content" * 1000) + "\n"
    assert (tree.path / "art.bin").is_symlink()
