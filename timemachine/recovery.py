"""Putting a work tree back to what a turn left, after a crash in the middle of the next one."""

from __future__ import annotations

from pathlib import Path

from timemachine.commits import Signature
from timemachine.git import commit_id
from timemachine.links import link_again
from timemachine.mirrors import Mirror, free_name, protect
from timemachine.snapshots import snapshot
from timemachine.stale_locks import locks_below, set_aside_locks
from timemachine.worktrees import Worktree, add_worktree, find_worktree, registered_worktree


async def restore_worktree(mirror: Mirror, path: Path, *, files: str, head: str, signature: Signature) -> Worktree:
    """Return a work tree at `path` with the files of the commit `files` and its HEAD at `head`.

    A tree that is as it should be stays. Any other is kept as a commit, then set aside as it is; nothing of it is deleted.

    Raises:
        GitFailed: if the commit is not in the mirror, or git cannot make the tree.
        Environment: if the disk does not let us.
    """
    commit_id(files)
    commit_id(head)
    registered = registered_worktree(mirror, path.parent.resolve() / path.name)
    if registered is not None and registered.path.is_dir() and not registered.path.is_symlink():
        # With a link of the attempt's own, its files would be set aside and be in no commit.
        link_again(registered.path, registered.admin)
    existing = find_worktree(mirror, path)
    if existing is not None:
        # Of a git that was killed with the attempt; nobody else may work in this tree.
        set_aside_locks(mirror.path, list(locks_below(existing.admin)))
        found = await snapshot(existing, signature=signature, message=f"{path.name}: what a crash left\n")
        if found.tree == await mirror.git.run("rev-parse", "--verify", f"{files}^{{tree}}") and await existing.head() == head:
            return existing
        await protect(mirror, found.commit)
        async with mirror.lock():
            aside = free_name(existing.path)
            existing.path.rename(aside)
            (existing.admin / "gitdir").write_text(f"{aside / '.git'}\n")
    worktree = await add_worktree(mirror, path, files)
    if head != files:
        # Only HEAD moves: files and index stay, so that what the turns changed is a change again and not history.
        await worktree.git().run("update-ref", "--no-deref", "HEAD", head, files)
    return worktree
