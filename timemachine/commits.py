"""Commits: made from a tree, looked up, compared by descent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from epics.errors import InvalidInput
from timemachine.git import Git, commit_id


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Who made a commit, and when; it comes from a record, so that a commit made again has the same id."""

    name: str
    email: str
    at: datetime

    def variables(self) -> dict[str, str]:
        """Return the environment that makes git sign a commit so.

        Raises:
            InvalidInput: if the time has no zone: it would be another instant on another machine.
        """
        if self.at.tzinfo is None:
            raise InvalidInput(f"the time of a commit needs a zone: {self.at.isoformat()}")
        date = f"@{int(self.at.timestamp())} +0000"
        return {
            "GIT_AUTHOR_NAME": self.name,
            "GIT_AUTHOR_EMAIL": self.email,
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_NAME": self.name,
            "GIT_COMMITTER_EMAIL": self.email,
            "GIT_COMMITTER_DATE": date,
        }


async def commit_tree(git: Git, tree: str, parents: tuple[str, ...], message: str, signature: Signature) -> str:
    """Make a commit of `tree`; the same arguments give the same id, however often."""
    named = [part for parent in parents for part in ("-p", commit_id(parent))]
    text = message.encode("utf-8", "replace").replace(b"\0", b"") or b"(no message)"
    return await git.run("commit-tree", *named, "-F", "-", commit_id(tree), env=signature.variables(), given=text)


async def is_ancestor(git: Git, older: str, newer: str) -> bool:
    """Say whether `newer` holds `older` in its history, or is it."""
    if older == newer:
        return True
    args = ("merge-base", "--is-ancestor", commit_id(older), commit_id(newer))
    done = await git.call(*args)
    return done.code == 0 or (done.code != 1 and git.checked(done, *args).code == 0)


async def commit_of(git: Git, ref: str) -> str | None:
    """Return the commit that a full ref name or `HEAD` points to, or None."""
    done = await git.call("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    return done.text if done.code == 0 else None


async def tree_of(git: Git, commit: str) -> str:
    """Return the id of the commit's tree."""
    return await git.run("rev-parse", "--verify", f"{commit_id(commit)}^{{tree}}")
