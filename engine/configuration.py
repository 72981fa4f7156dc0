"""An agent's own configuration: shown to it as the base branch has it, kept in the work as the work has it."""

from __future__ import annotations

from typing import Final

from safety.paths import matches
from timemachine.commits import Signature
from timemachine.diffs import changed_paths
from timemachine.mirrors import Mirror
from timemachine.restores import restore_paths
from timemachine.snapshots import snapshot
from timemachine.worktrees import Worktree

CONFIGURATION: Final = (".claude", ".mcp.json", "CLAUDE.md", "CLAUDE.local.md", "AGENTS.md", "genie.toml", ".genie", ".husky")
"""What tells an agent how to behave comes from the base branch, never from the work of an attempt."""


async def show_configuration(worktree: Worktree, base: str) -> None:
    """Put the configuration in the tree to what it is on the base branch."""
    await restore_paths(worktree, base, CONFIGURATION)


async def keep_configuration(worktree: Worktree, *, base: str, start: str, signature: Signature, but: tuple[str, ...] = ()) -> None:
    """Put back what the work had made of the configuration before the attempt, where the attempt left it as it was shown.

    Without this an attempt would undo the work on such a file by doing nothing, and be blamed for it. `but` are paths to leave alone.
    """
    hidden = await _differing(worktree.mirror, base, start) - frozenset(but)
    if not hidden:
        return
    left = await snapshot(worktree, signature=signature, message="Before the configuration of the work is put back\n")
    untouched = hidden - await _differing(worktree.mirror, base, left.commit)
    await restore_paths(worktree, start, sorted(untouched))


async def _differing(mirror: Mirror, one: str, other: str) -> frozenset[str]:
    changes = await changed_paths(mirror, one, other) if one != other else ()
    paths = (path for change in changes for path in (change.old_path, change.path) if path)
    return frozenset(path for path in paths if matches(path, CONFIGURATION))
