"""Founding a repository from a bundle: what an imported epic stands on where its own repository is not at hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from epics.errors import Environment
from timemachine.bundles import take_bundle
from timemachine.git import Git, branch_name, commit_id, require_git


async def found_repository(place: Path, env: Mapping[str, str], bundle: Path, branches: Mapping[str, str], *, head: str) -> None:
    """Make a bare repository with these branches, whole or not at all.

    Args:
        place: where nothing is yet.
        env: what git needs.
        bundle: has the commits.
        branches: the commit of each.
        head: which of them is the default one.

    Raises:
        InvalidInput: if the bundle is damaged, or lacks a commit, or a name cannot be that of a branch.
        Environment: if the disk does not let us.
    """
    new = place.with_name(f"{place.name}.new")
    try:
        new.mkdir(parents=True)
        git = Git(new, env, variables={"GIT_DIR": str(new)})
        await require_git(git)
        await git.run("init", "--quiet", "--bare", "--template=", f"--initial-branch={branch_name(head)}", "--end-of-options", str(new))
        await take_bundle(git, bundle, tuple(branches.values()))
        lines = "".join(f"create refs/heads/{branch_name(name)} {commit_id(commit)}\n" for name, commit in branches.items())
        await git.run("update-ref", "--stdin", given=lines.encode())
        new.rename(place)
    except OSError as error:
        raise Environment(f"a repository cannot be made at {place}: {error.strerror}") from error
