"""What git ignores."""

from __future__ import annotations

from timemachine.worktrees import Worktree


async def is_ignored(worktree: Worktree, path: str) -> bool:
    """Say whether git ignores a path of the work tree, there or not."""
    args = ("check-ignore", "--quiet", "--no-index", "--", path)
    git = worktree.git()
    # The one command that does not take literal paths; this one's paths have no magic to begin with.
    done = await git.call(*args, env={"GIT_LITERAL_PATHSPECS": "0"})
    return done.code == 0 or (done.code != 1 and git.checked(done, *args).code == 0)
