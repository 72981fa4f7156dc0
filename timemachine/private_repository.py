"""A small repository of an attempt's own, for an agent that is walled off from the mirror: recent history of its commit and no more."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from epics.errors import GitFailed
from timemachine.commits import commit_of
from timemachine.git import Git

DEPTH: Final = 50
"""How many commits back an agent can look. Other branches of the mirror, where other epics have their work, are not in it at all."""

_CONFIG: Final = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n[gc]\n\tauto = 0\n"


def admin_of(tree: Path, repositories: Path) -> Path | None:
    """The directory in which a mirror below `repositories` keeps what it knows of a work tree; None if `tree` is none of its.

    The tree's `.git` is not believed: an attempt could have written it. The mirror must say the same.
    """
    link = tree / ".git"
    if link.is_symlink() or not link.is_file():
        return None
    admin = Path(os.fsdecode(link.read_bytes()).removeprefix("gitdir: ").removesuffix("\n"))
    if admin.parent.name != "worktrees" or admin.parents[2] != repositories.resolve() or admin.is_symlink():
        return None
    back = admin / "gitdir"
    return admin if back.is_file() and os.fsdecode(back.read_bytes()).removesuffix("\n") == str(tree.resolve() / ".git") else None


async def make_private_repository(admin: Path, into: Path, env: Mapping[str, str]) -> str:
    """Make a repository in the empty directory `into` that stands where a work tree stands, and return that commit.

    We only write it: whoever has the agent's rights can change its settings later, so git is never run by us on what an agent has had.

    Raises:
        GitFailed: if the work tree is at no commit, or git cannot read it.
    """
    mirror = admin.parents[1]
    commit = await commit_of(Git(admin, env, variables={"GIT_DIR": str(admin)}), "HEAD")
    if commit is None:
        raise GitFailed(f"the work tree of {admin} is at no commit")
    for folder in ("objects", "refs/heads"):
        (into / folder).mkdir(parents=True)
    (into / "config").write_text(_CONFIG, encoding="ascii")
    (into / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
    git = Git(into, env, variables={"GIT_DIR": str(into)})
    await git.run("fetch", "--quiet", "--no-tags", f"--depth={DEPTH}", mirror.as_uri(), f"+{commit}:refs/heads/attempt")
    await git.run("read-tree", commit)
    (into / "HEAD").write_text(f"{commit}\n", encoding="ascii")
    return commit
