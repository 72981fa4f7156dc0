"""Work trees that an epic leaves behind: put away when it has ended, after their content is kept as commits."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.running import Running
from epics.errors import Conflict
from timemachine.commits import Signature
from timemachine.mirrors import protect
from timemachine.removals import remove_worktree
from timemachine.snapshots import snapshot
from timemachine.worktrees import find_worktree


async def put_away(running: Running) -> None:
    """Remove the work trees of an epic that a crash or a recovery left; one that has what no commit can hold stays."""
    mirror = running.workspace.mirror
    signature = Signature(name="Genie", email="genie@localhost", at=datetime.now(UTC))
    folder = running.workspace.worktree_path(running.facts.id, 0).parent
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        worktree = find_worktree(mirror, path)
        if worktree is None:
            continue
        left = await snapshot(worktree, signature=signature, message=f"{running.facts.id}: left in {path.name}\n")
        await protect(mirror, left.commit)
        try:
            await remove_worktree(worktree, left.commit)
        except Conflict:
            # A repository of its own inside, or a file too large: a person finds it where it is.
            continue
    if not any(folder.iterdir()):
        folder.rmdir()
