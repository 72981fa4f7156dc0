"""A work tree to try things in: no ref names it, it never goes to the shelf, and nothing of it is kept."""

from __future__ import annotations

import shutil
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
        await git.run("read-tree", "-m", "-u", present, wanted)
