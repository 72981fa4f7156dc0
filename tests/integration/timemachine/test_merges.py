"""Two lines of work go together in the mirror, or the conflict is told and kept."""

from __future__ import annotations

import pytest

from epics.errors import GitFailed
from timemachine.commits import commit_tree, tree_of
from timemachine.diffs import read_file_at
from timemachine.merges import BroughtIn, Conflicted, Merged, bring_in, leftover_conflict_markers, merge_preview


@pytest.fixture
def work(mirror, tmp_path, base, signature):
    """Makes a commit with one file changed (or deleted), on the base or on another commit."""

    async def make(path: str, text: str | None, *, on: str = base) -> str:
        git = mirror.git
        scratch = {"GIT_INDEX_FILE": str(tmp_path / "index")}
        await git.run("read-tree", on, env=scratch)
        if text is None:
            await git.run("update-index", "--force-remove", path, env={**scratch, "GIT_WORK_TREE": str(git.directory)})
        else:
            blob = await git.run("hash-object", "-w", "--stdin", given=text.encode())
            await git.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=scratch)
        return await commit_tree(git, await git.run("write-tree", env=scratch), (on,), f"Change {path}", signature)

    return make


async def test_work_on_other_files_goes_together(mirror, work):
    ours, theirs = await work("ours.py", "o\n"), await work("theirs.py", "t\n")

    preview = await merge_preview(mirror, ours, theirs)

    assert isinstance(preview, Merged)
    files = await mirror.git.run("ls-tree", "--name-only", preview.tree)
    assert {"ours.py", "theirs.py"} <= set(files.splitlines())


async def test_work_on_the_same_lines_is_a_conflict_with_its_paths(mirror, work):
    ours, theirs = await work("src/lamp.py", "ON = 1\n"), await work("src/lamp.py", "ON = 2\n")

    preview = await merge_preview(mirror, ours, theirs)

    assert isinstance(preview, Conflicted)
    assert preview.paths == ("src/lamp.py",)


async def test_unrelated_histories_are_told(mirror, base, signature):
    alone = await commit_tree(mirror.git, await tree_of(mirror.git, base), (), "Alone", signature)

    with pytest.raises(GitFailed, match="unrelated histories"):
        await merge_preview(mirror, base, alone)


async def test_a_base_that_the_head_holds_need_not_be_brought_in(mirror, work, base, signature):
    head = await work("ours.py", "o\n")

    assert await bring_in(mirror, head, base, signature) == BroughtIn(commit=head)


async def test_a_head_without_work_goes_on_to_the_base(mirror, work, base, signature):
    newer = await work("theirs.py", "t\n")

    assert await bring_in(mirror, base, newer, signature) == BroughtIn(commit=newer)


async def test_a_base_is_brought_in_with_both_parents_and_again_with_the_same_id(mirror, work, signature):
    head, newer = await work("ours.py", "o\n"), await work("theirs.py", "t\n")

    brought = await bring_in(mirror, head, newer, signature)

    assert brought.conflicts == ()
    assert await mirror.git.run("rev-list", "--parents", "-1", brought.commit) == f"{brought.commit} {head} {newer}"
    assert await bring_in(mirror, head, newer, signature) == brought


async def test_a_conflict_is_committed_with_its_markers_until_somebody_puts_it_right(mirror, work, signature):
    head, newer = await work("src/lamp.py", "ON = 1\n"), await work("src/lamp.py", "ON = 2\n")

    brought = await bring_in(mirror, head, newer, signature)
    fixed = await work("src/lamp.py", "ON = 3\n", on=brought.commit)

    assert brought.conflicts == ("src/lamp.py",)
    assert b"<<<<<<<" in (await read_file_at(mirror, brought.commit, "src/lamp.py") or b"")
    assert await leftover_conflict_markers(mirror, brought.commit, brought.conflicts) == ("src/lamp.py",)
    assert await leftover_conflict_markers(mirror, fixed, brought.conflicts) == ()
    assert await leftover_conflict_markers(mirror, fixed, ()) == ()


async def test_a_deleted_and_edited_file_is_a_conflict_without_markers(mirror, work, signature):
    head, newer = await work("src/lamp.py", None), await work("src/lamp.py", "ON = 2\n")

    brought = await bring_in(mirror, head, newer, signature)

    assert brought.conflicts == ("src/lamp.py",)
    assert await leftover_conflict_markers(mirror, brought.commit, brought.conflicts) == ()


async def test_a_line_of_equal_signs_is_no_conflict_marker(mirror, work):
    commit = await work("doc.rst", "Title\n=======\n")

    assert await leftover_conflict_markers(mirror, commit, ("doc.rst",)) == ()
