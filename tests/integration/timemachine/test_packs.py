"""Thin packs between two mirrors that share nothing but the repository's base branch."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from epics.errors import GitFailed, NeedsPerson
from timemachine.commits import Signature, commit_tree, tree_of
from timemachine.mirrors import open_mirror
from timemachine.packs import make_pack, missing_commits, outside_of, take_in
from timemachine.snapshots import snapshot

NO_COMMIT = "0" * 40


@pytest.fixture
async def elsewhere(tmp_path, repo, env):
    """The mirror of another host, empty."""
    return await open_mirror(tmp_path / "other-home", str(repo), env)


@pytest.fixture
async def work(worktree, signature):
    """Two snapshots of one attempt; the second has what the first has, and more."""
    (worktree.path / "big.bin").write_bytes(os.urandom(40_000))
    first = await snapshot(worktree, signature=signature, message="First")
    (worktree.path / "src" / "lamp.py").write_text("ON = True\n")
    (worktree.path / "new").mkdir()
    (worktree.path / "new" / "file.txt").write_text("new\n")
    second = await snapshot(worktree, signature=signature, message="Second")
    return first.commit, second.commit


async def test_packs_make_the_same_history_in_another_mirror(mirror, elsewhere, work, base, git):
    first, second = work
    await elsewhere.fetch_base("main")

    await take_in(elsewhere, first, await make_pack(mirror, first, (base,)))
    await take_in(elsewhere, second, await make_pack(mirror, second, (base, first)))
    await take_in(elsewhere, second, await make_pack(mirror, second, (base, first)))

    assert await missing_commits(elsewhere, work) == ()
    assert git(elsewhere.path, "diff", "--stat", base, second) == git(mirror.path, "diff", "--stat", base, second)
    assert git(elsewhere.path, "fsck", "--strict", "--full") == ""
    git(elsewhere.path, "gc", "--quiet", "--prune=now")
    assert git(elsewhere.path, "show", f"{second}:new/file.txt") == "new"


async def test_what_an_earlier_pack_has_is_not_packed_again_though_it_is_no_ancestor(mirror, work, base, signature):
    first, second = work
    end = await commit_tree(mirror.git, await tree_of(mirror.git, second), (base,), "The end of the attempt\n", signature)

    assert len(await make_pack(mirror, first, (base,))) > 40_000
    assert len(await make_pack(mirror, second, (base, first))) < 1_000
    assert len(await make_pack(mirror, end, (base, second))) < 300


async def test_a_pack_is_refused_where_what_it_builds_on_is_missing(mirror, elsewhere, worktree, base, signature):
    lines = "".join(f"{number} {number * number}\n" for number in range(3_000))
    (worktree.path / "src" / "lamp.py").write_text(lines)
    first = (await snapshot(worktree, signature=signature, message="First")).commit
    (worktree.path / "src" / "lamp.py").write_text(f"{lines}more\n")
    second = (await snapshot(worktree, signature=signature, message="Second")).commit
    await elsewhere.fetch_base("main")

    with pytest.raises(GitFailed):
        await take_in(elsewhere, second, await make_pack(mirror, second, (base, first)))

    assert await missing_commits(elsewhere, (second,)) == (second,)


async def test_without_known_commits_a_pack_is_whole(mirror, elsewhere, work, git):
    await take_in(elsewhere, work[1], await make_pack(mirror, work[1], ()))

    assert git(elsewhere.path, "log", "--format=%s", work[1]) == "Second\nBegin"
    assert git(elsewhere.path, "fsck", "--full") == ""


async def test_what_is_too_large_is_refused_with_a_way_out(mirror, work, base):
    with pytest.raises(NeedsPerson, match=r"more than 10,000 bytes packed.*\.gitignore"):
        await make_pack(mirror, work[0], (base,), most=10_000)


async def test_a_commit_that_is_not_there_cannot_be_packed(mirror, base):
    with pytest.raises(GitFailed):
        await make_pack(mirror, NO_COMMIT, (base,))


async def test_bytes_that_are_no_pack_are_refused(elsewhere, base):
    with pytest.raises(GitFailed):
        await take_in(elsewhere, base, b"nonsense")


async def test_a_pack_with_another_commit_than_it_says_is_refused(mirror, elsewhere, work, base):
    await elsewhere.fetch_base("main")

    with pytest.raises(GitFailed, match="does not bring it"):
        await take_in(elsewhere, work[1], await make_pack(mirror, work[0], (base,)))


async def test_what_a_rewritten_base_does_not_hold_is_told(mirror, repo, base, git):
    at = Signature(name="T", email="t@example.org", at=datetime(2026, 1, 1, tzinfo=UTC))
    git(repo, "commit", "--quiet", "--amend", "-m", "Begin anew")
    tip = await mirror.fetch_base("main")
    on_top = await commit_tree(mirror.git, await tree_of(mirror.git, tip), (tip,), "On top\n", at)

    assert await outside_of(mirror, (base, tip), tip) == (base,)
    assert await outside_of(mirror, (base, tip), on_top) == (base,)
    assert await outside_of(mirror, (), tip) == ()
