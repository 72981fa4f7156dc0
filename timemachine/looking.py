"""Looking at what is in the person's repository, before something is done to it."""

from __future__ import annotations

from pathlib import Path

from epics.errors import RepositoryUnusable
from timemachine.branches import PUSH_SECONDS
from timemachine.commits import commit_of, is_ancestor
from timemachine.git import Git, branch_name, commit_id, last_words
from timemachine.mirrors import Mirror


async def commit_in_base(mirror: Mirror, base: str, commit: str) -> str | None:
    """Return where the base branch of the person's repository is, if it holds `commit`; else None.

    Raises:
        RepositoryUnusable: if the repository or its branch cannot be read.
    """
    here = await mirror.fetch_base(branch_name(base))
    return here if await is_ancestor(mirror.git, commit_id(commit), here) else None


async def published_commit(mirror: Mirror, branch: str) -> str | None:
    """Return where a branch of the person's repository is, or None if it has no such branch.

    Raises:
        RepositoryUnusable: if the repository cannot be read.
    """
    ref = f"refs/heads/{branch_name(branch)}"
    if mirror.is_path:
        return await commit_of(Git(Path(mirror.location), mirror.env), ref)
    mirror.reassert_settings()
    asked = await mirror.git.call("ls-remote", "--quiet", "--end-of-options", mirror.location, ref, seconds=PUSH_SECONDS, network=True)
    if asked.code != 0:
        raise RepositoryUnusable(f"{mirror.location} cannot be read: {last_words(asked.errors)}")
    return asked.text.split()[0] if asked.text else None
