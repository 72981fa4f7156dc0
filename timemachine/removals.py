"""Removing a work tree, after proof that nothing is lost with it."""

from __future__ import annotations

from epics.errors import Conflict
from timemachine.commits import is_ancestor
from timemachine.git import commit_id
from timemachine.mirrors import protect
from timemachine.shelf import put_on_shelf
from timemachine.snapshots import unsaved_paths
from timemachine.worktrees import Worktree

NAMED = 5


async def remove_worktree(worktree: Worktree, kept: str) -> None:
    """Remove a work tree whose files and history are all in the commit `kept`; files that git ignores go with it.

    One that holds nothing beside the commit goes to the shelf, for the next attempt.

    Raises:
        Conflict: if anything in it is not in `kept`; nothing is removed then.
    """
    if not worktree.is_there():
        return
    mirror = worktree.mirror
    head = await worktree.head()
    if not await is_ancestor(mirror.git, head, commit_id(kept)):
        raise Conflict(f"{worktree.path} stays: its commit {head[:12]} is not in {kept[:12]}")
    if unsaved := await unsaved_paths(worktree, kept):
        more = f" and {len(unsaved) - NAMED} more" if len(unsaved) > NAMED else ""
        raise Conflict(f"{worktree.path} stays: {', '.join(unsaved[:NAMED])}{more} would be lost")
    await protect(mirror, kept)
    async with mirror.lock():
        if await put_on_shelf(worktree, kept):
            return
        await mirror.git.run("worktree", "remove", "--force", "--force", "--end-of-options", str(worktree.path))
