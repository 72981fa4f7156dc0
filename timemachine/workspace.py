"""Where an epic's git things are: one record for the floors above."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from timemachine.git import branch_name
from timemachine.mirrors import Mirror, open_mirror


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The mirror of a repository and the places of its epics' work trees under Genie's home."""

    home: Path
    mirror: Mirror

    @property
    def location(self) -> str:
        """The path or URL of the person's repository."""
        return self.mirror.location

    def worktree_path(self, epic_id: str, attempt: int) -> Path:
        """Return the place of an attempt's work tree; its last name is unlike any other, as git names its entries by it."""
        return worktrees_folder(self.home, epic_id) / f"{epic_id}-{attempt}"

    def attempt_folder(self, epic_id: str, attempt: int) -> Path:
        """Return the place of what an attempt has on this host beside its work tree."""
        return attempts_folder(self.home) / f"{epic_id}-{attempt}"


def attempts_folder(home: Path) -> Path:
    """Return where the folders of attempts are, one for each."""
    return home.resolve() / "attempts"


def worktrees_folder(home: Path, epic_id: str = "") -> Path:
    """Return where the work trees of an epic are, or the folder that has such a folder for each epic."""
    return home.resolve() / "worktrees" / epic_id


async def open_workspace(home: Path, location: str, env: Mapping[str, str]) -> Workspace:
    """Return the workspace of a repository, its mirror made if it is not there.

    Raises:
        Environment: if git is missing or too old, or the home cannot be written.
    """
    mirror = await open_mirror(home, location, env)
    return Workspace(home=mirror.path.parents[1], mirror=mirror)


def attempt_branch(epic_id: str, workflow: str, attempt: int) -> str:
    """Return the name of an attempt's branch.

    Raises:
        InvalidInput: if git could not have a branch of that name.
    """
    return branch_name(f"genie/{epic_id}/{workflow}/attempt_{attempt}")
