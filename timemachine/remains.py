"""Directories that work left behind: work trees, what was set aside, the shelf; removed where nothing is lost with them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from epics.errors import GitFailed
from timemachine.commits import is_ancestor
from timemachine.git import Git, commit_id
from timemachine.mirrors import Mirror
from timemachine.seclusion import AS_IT_IS
from timemachine.shelf import shelf_of
from timemachine.staging import filled_submodules
from timemachine.worktrees import Worktree, find_worktree


@dataclass(frozen=True, kw_only=True)
class Remains:
    """A directory that nobody works in any more."""

    path: Path
    at: datetime
    """When it was touched last."""
    bytes: int
    shelved: bool = False


def shelved_trees(mirror: Mirror) -> Iterator[Remains]:
    """Yield the trees on the shelf of a mirror."""
    shelf = shelf_of(mirror)
    for place in sorted(shelf.iterdir()) if shelf.is_dir() else ():
        yield _remains(mirror, place, shelved=True)


def left_trees(mirror: Mirror, folder: Path) -> Iterator[Remains]:
    """Yield what is in the folder of an epic: its work trees, and what was set aside of them."""
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        if place.is_dir() and not place.is_symlink():
            yield _remains(mirror, place)


async def holding_commit(mirror: Mirror, place: Path, kept: Iterable[str]) -> str | None:
    """Return the first of the commits, which are kept, in which every file of a directory is as it is, ignored ones too; None for none.

    Where it is a work tree, its HEAD must be in that commit's history as well.
    """
    tree = find_worktree(mirror, place)
    head = await tree.head() if tree is not None else None
    for commit in dict.fromkeys(kept):
        if (head is None or await is_ancestor(mirror.git, head, commit)) and await _is_contained(mirror, place, commit):
            return commit
    return None


async def shelved_is_whole(mirror: Mirror, place: Path) -> bool:
    """Say whether a tree on the shelf holds nothing but its HEAD."""
    tree = find_worktree(mirror, place)
    return tree is not None and await _is_contained(mirror, place, await tree.head())


async def remove_remains(mirror: Mirror, place: Path) -> None:
    """Remove a directory with what git has registered for it; the caller has seen that nothing is lost, and holds the mirror's lock."""
    tree = find_worktree(mirror, place)
    if tree is not None:
        await mirror.git.run("worktree", "remove", "--force", "--force", "--end-of-options", str(place))
        return
    # Renamed first: what is half removed must not be taken for what it was.
    doomed = place.with_name(f".{place.name}.removed")
    if place.exists():
        place.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def size_of(*places: Path) -> int:
    """How many bytes the files below these places take on the disk; a file with several names counts once."""
    seen, size = set[tuple[int, int]](), 0
    for place in places:
        for folder, _, names in os.walk(place):
            for name in names:
                try:
                    found = os.lstat(os.path.join(folder, name))  # noqa: PTH118  # a Path for each of a million files takes seconds
                except OSError:
                    # Somebody works here.
                    continue
                if (found.st_dev, found.st_ino) not in seen:
                    seen.add((found.st_dev, found.st_ino))
                    size += found.st_blocks * 512
    return size


async def _is_contained(mirror: Mirror, place: Path, commit: str) -> bool:
    # An index of our own, and no admin directory: nothing that an attempt has written leads git.
    with tempfile.TemporaryDirectory(dir=mirror.path, prefix="looking-") as scratch:
        variables = {"GIT_DIR": str(mirror.path), "GIT_WORK_TREE": str(place), "GIT_INDEX_FILE": str(Path(scratch) / "index")}
        git = Git(place, mirror.env, AS_IT_IS, variables)
        try:
            await git.run("read-tree", commit_id(commit))
            if await git.run_bytes("ls-files", "--others", "-z"):
                return False
            # What is in a submodule is in no commit of ours; and git must not look into it, under a config that the attempt could write.
            if await filled_submodules(git, place):
                return False
            # Missing files are no loss.
            await git.call("update-index", "-q", "--refresh")
            return not await git.run_bytes("diff-files", "--name-only", "--diff-filter=d", "-z", "--ignore-submodules=dirty")
        except GitFailed:
            return False


def _remains(mirror: Mirror, place: Path, *, shelved: bool = False) -> Remains:
    tree = find_worktree(mirror, place)
    marks = [place, *_marks(tree)] if tree is not None else [place]
    at = max((mark.lstat().st_mtime for mark in marks if os.path.lexists(mark)), default=0.0)
    return Remains(path=place, at=datetime.fromtimestamp(at, tz=UTC), bytes=size_of(place), shelved=shelved)


def _marks(tree: Worktree) -> tuple[Path, ...]:
    return tree.admin / "HEAD", tree.admin / "index", tree.admin / "gitdir"
