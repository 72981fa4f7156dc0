"""Work trees that are done with, kept for the next attempt: to change a few files is quicker than to write all of them anew.

What is on the shelf holds exactly the files of its HEAD, nothing that git ignores and no empty directory: whoever takes it cannot tell it
from a new one. A tree in which anything else is left is not put there.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from epics.errors import GitFailed
from timemachine.git import commit_id
from timemachine.mirrors import Mirror
from timemachine.staging import filled_submodules_of
from timemachine.worktrees import Worktree, add_worktree, find_worktree, finish_index, is_taken, move_worktree, outdate_files

ROOM = 2
SHELVED = "index.shelved"


def shelf_of(mirror: Mirror) -> Path:
    """Return where the work trees of a mirror wait for the next attempt."""
    return mirror.path.parents[1] / "shelf" / mirror.path.stem


async def ready_worktree(mirror: Mirror, path: Path, commit: str) -> Worktree:
    """Return a work tree at `path` with the commit checked out, detached: one from the shelf where there is one, else a new one.

    Raises:
        GitFailed: if git cannot make it, for instance because the commit is not in the mirror.
        Environment: if the disk does not let us.
    """
    async with mirror.lock():
        mirror.reassert_settings()
        taken = None if is_taken(mirror, path) else await take_from_shelf(mirror, path)
    if taken is not None:
        # A tree that cannot be switched is unfinished: it is set aside below.
        with suppress(GitFailed):
            await switch(taken, commit)
            await outdate_files(taken.admin / "index")
            finish_index(taken)
            return taken
    return await add_worktree(mirror, path, commit)


async def put_on_shelf(worktree: Worktree, kept: str) -> bool:
    """Move a work tree whose files are those of the commit `kept` to the shelf; False, and it stays, if it is not fit or there is no room.

    The caller holds the mirror's lock, and has seen that nothing is lost with the tree.
    """
    mirror = worktree.mirror
    shelf = shelf_of(mirror)
    # An index that a git of the attempt has written may hold marks by which changes stay hidden.
    if not worktree.has_first_index() or len(_names(shelf)) >= ROOM:
        return False
    git = worktree.git()
    try:
        await git.run("read-tree", "-m", "-i", commit_id(kept))
        await git.run("update-index", "-q", "--really-refresh")
        if await worktree.head() != kept:
            await git.run("update-ref", "--no-deref", "HEAD", kept)
        if not await _is_exact(worktree):
            return False
    except GitFailed:
        return False
    shelf.mkdir(parents=True, exist_ok=True)
    finish_index(worktree)
    taken = _names(shelf)
    move_worktree(worktree, shelf / next(name for name in map(str, range(ROOM + 1)) if name not in taken))
    return True


async def take_from_shelf(mirror: Mirror, path: Path) -> Worktree | None:
    """Move a work tree from the shelf to `path`, where nothing is, and return it with its index put away; None if there is none.

    The caller holds the mirror's lock. Until `switch` has given the index back, the tree counts as unfinished.
    """
    shelf = shelf_of(mirror)
    for place in sorted(shelf.iterdir()) if shelf.is_dir() else ():
        found = find_worktree(mirror, place)
        # Something may have come to it since: a process that outlived its attempt still has it for its directory.
        if found is None or not found.has_first_index() or not await _is_exact(found):
            continue
        (found.admin / "index").rename(found.admin / SHELVED)
        return move_worktree(found, path)
    return None


async def switch(worktree: Worktree, commit: str) -> None:
    """Make a work tree from the shelf one of `commit`: only what differs is written.

    Raises:
        GitFailed: if git finds a file in its way.
    """
    git = worktree.git(worktree.admin / SHELVED)
    # Where it is at the commit, it was seen to have just its files as it was taken.
    if await worktree.head() != commit_id(commit):
        await git.run("read-tree", "-m", "-u", "HEAD", commit)
        await git.run("update-ref", "--no-deref", "HEAD", commit)
    (worktree.admin / SHELVED).rename(worktree.admin / "index")


def _names(shelf: Path) -> frozenset[str]:
    return frozenset(place.name for place in shelf.iterdir()) if shelf.is_dir() else frozenset()


async def _is_exact(worktree: Worktree) -> bool:
    """Say whether the files are those of HEAD and index, and there is no other, ignored or not, and no empty directory.

    A submodule that is filled counts as another, and is not looked into: git would run there, under a config of the attempt.
    """
    git = worktree.git()
    try:
        head = await worktree.head()
    except GitFailed:
        return False
    # Side by side, as the next attempt waits for all.
    others, changed, filled = await asyncio.gather(
        git.run_bytes("ls-files", "--others", "--directory", "-z"),
        git.run_bytes("status", "--porcelain", "-z", "--untracked-files=no", "--no-renames", "--ignore-submodules=dirty"),
        # Of HEAD: an index with other submodules differs, and is not exact for that.
        filled_submodules_of(git, head, worktree.path),
    )
    return not others and not changed and not filled
