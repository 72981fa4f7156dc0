"""What differs between commits, and what is in them, told path by path."""

from __future__ import annotations

import pytest

from epics.errors import InvalidInput
from timemachine.diffs import PathChange, PathStat, changed_paths, diff_stat, diff_text, list_tree, read_file_at
from timemachine.snapshots import snapshot


@pytest.fixture
async def work(worktree, signature):
    """A snapshot with an edit, a new binary, a rename, a deletion, and a mode and type change."""
    root = worktree.path
    (root / "README.md").write_text("A lamp.\nIt shines.\n")
    (root / "new\n.bin").write_bytes(b"\0\1\2")
    (root / "src" / "wire.py").rename(root / "src" / "cable.py")
    (root / "src" / "lamp.py").unlink()
    (root / "run.sh").chmod(0o755)
    (root / ".gitignore").unlink()
    (root / ".gitignore").symlink_to("README.md")
    return (await snapshot(worktree, signature=signature, message="Work")).commit


async def test_changes_are_told_with_renames(mirror, base, work):
    assert set(await changed_paths(mirror, base, work)) == {
        PathChange(path="README.md", status="M"),
        PathChange(path="new\n.bin", status="A"),
        PathChange(path="src/cable.py", status="R", old_path="src/wire.py"),
        PathChange(path="src/lamp.py", status="D"),
        PathChange(path="run.sh", status="M"),
        PathChange(path=".gitignore", status="T"),
    }
    assert await changed_paths(mirror, work, work) == ()


async def test_lines_that_came_and_went_are_counted(mirror, base, work):
    stats = {stat.path: stat for stat in await diff_stat(mirror, base, work)}

    assert stats["README.md"] == PathStat(path="README.md", added=1, removed=0)
    assert stats["new\n.bin"] == PathStat(path="new\n.bin", added=None, removed=None)
    assert stats["src/cable.py"] == PathStat(path="src/cable.py", added=0, removed=0)


async def test_a_diff_is_text_and_cut_at_the_limit(mirror, base, work):
    whole = await diff_text(mirror, base, work)
    part = await diff_text(mirror, base, work, limit_bytes=50)
    one = await diff_text(mirror, base, work, paths=("README.md",))

    assert "+It shines." in whole.text
    assert not whole.cut
    assert part.cut
    assert part.text.startswith(whole.text[:40])
    assert "cut here, at 50 bytes" in part.text
    assert one.text.count("diff --git") == 1


async def test_a_diff_does_not_run_the_programs_of_a_config(mirror, base, work, tmp_path):
    await mirror.git.run("config", "diff.external", f"touch {tmp_path}/owned")

    await diff_text(mirror, base, work)

    assert not (tmp_path / "owned").exists()


async def test_a_file_of_a_commit_is_read_as_it_is(mirror, base, work):
    assert await read_file_at(mirror, work, "new\n.bin") == b"\0\1\2"
    assert await read_file_at(mirror, work, ".gitignore") == b"README.md"
    assert await read_file_at(mirror, base, "README.md", limit_bytes=3) == b"A l"


@pytest.mark.parametrize("path", ["nowhere", "src", "../README.md", "*", "", ":/README.md", "/README.md"])
async def test_a_file_that_is_not_there_is_none(mirror, base, path):
    assert await read_file_at(mirror, base, path) is None


async def test_a_tree_is_listed_whole_or_below_a_path(mirror, base):
    assert [entry.path for entry in await list_tree(mirror, base)] == [".gitignore", "README.md", "run.sh", "src/lamp.py", "src/wire.py"]
    assert [(entry.path, entry.size) for entry in await list_tree(mirror, base, ("src",))] == [("src/lamp.py", 11), ("src/wire.py", 11)]


async def test_only_full_ids_are_compared(mirror, base):
    with pytest.raises(InvalidInput):
        await changed_paths(mirror, base, "--output=/tmp/x")
