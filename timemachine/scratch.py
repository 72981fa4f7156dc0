"""A work tree to try things in: no ref names it, it never goes to the shelf, and nothing of it is kept."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from timemachine.commits import tree_of
from timemachine.git import commit_id
from timemachine.mirrors import Mirror
from timemachine.snapshots import DEFAULT_LIMITS
from timemachine.staging import scratch_index, stage
from timemachine.worktrees import Worktree, add_worktree


@asynccontextmanager
async def scratch_worktree(mirror: Mirror, path: Path, commit: str) -> AsyncGenerator[Worktree]:
    """Check a commit out at `path`, where nothing is, for as long as this is open."""
    worktree = await add_worktree(mirror, path, commit)
    try:
        yield worktree
    finally:
        async with mirror.lock():
            shutil.rmtree(worktree.path, ignore_errors=True)
            # What the mirror has registered of it: its index and its HEAD.
            shutil.rmtree(worktree.admin, ignore_errors=True)


async def forget_scratch(mirror: Mirror, folder: Path, *, older_than_s: float) -> None:
    """Remove the folders below `folder` that are so old, and what the mirror has registered of scratch work trees that are gone."""
    oldest = time.time() - older_than_s
    for left in folder.iterdir():
        if left.is_dir() and left.stat().st_mtime < oldest:
            shutil.rmtree(left, ignore_errors=True)
    entries = mirror.path / "worktrees"
    async with mirror.lock():
        for admin in entries.iterdir() if entries.is_dir() else ():
            link = admin / "gitdir"
            place = Path(os.fsdecode(link.read_bytes()).removesuffix("\n")).parent if link.is_file() else None
            if place is not None and place.is_relative_to(folder.resolve()) and not place.exists():
                shutil.rmtree(admin, ignore_errors=True)


async def files_now(worktree: Worktree) -> str:
    """Return the tree of the files as they stand, all but those that git ignores."""
    async with scratch_index(worktree) as index:
        staged = await stage(worktree, index, DEFAULT_LIMITS)
        if staged.is_head and staged.head is not None:
            return await tree_of(worktree.mirror.git, staged.head)
        return await worktree.git(index).run("write-tree")


async def put_files(worktree: Worktree, commit: str) -> None:
    """Make the files those of a commit or tree; what git ignores stays, and only what differs is written."""
    wanted = commit_id(commit)
    async with scratch_index(worktree) as index:
        staged = await stage(worktree, index, DEFAULT_LIMITS)
        git = worktree.git(index)
        at_head = staged.is_head and staged.head is not None
        present = await tree_of(worktree.mirror.git, staged.head) if at_head and staged.head else await git.run("write-tree")
        # By their times git takes files that were written anew for changed, and would not write over them.
        await git.run("update-index", "-q", "--really-refresh")
        await git.run("read-tree", "-m", "-u", present, wanted)
