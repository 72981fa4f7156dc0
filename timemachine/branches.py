"""Branches of epics: made, moved on, shown in the person's repository; never taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from epics.errors import Conflict, InvalidInput
from timemachine.commits import commit_of, is_ancestor
from timemachine.git import Git, branch_name, commit_id, last_words
from timemachine.mirrors import FETCH, Mirror

NOTHING = "0" * 40
PREFIX = "genie/"
PUSH_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Unpublished:
    """A branch that the person's repository did not take, and what it said."""

    branch: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Published:
    """Which branches are in the person's repository now, and which could not be put there."""

    branches: tuple[str, ...]
    refused: tuple[Unpublished, ...] = ()


async def create_branch(mirror: Mirror, name: str, at: str) -> None:
    """Make a branch at a commit; making it again at the same commit is fine.

    Raises:
        Conflict: if the branch is there with another commit. It stays as it is.
    """
    await _move(mirror, name, new=commit_id(at), old=NOTHING)


async def advance_branch(mirror: Mirror, name: str, new: str, old: str) -> None:
    """Move a branch on from `old` to `new`, which must hold `old`; doing it again is fine.

    Raises:
        Conflict: if the branch is elsewhere, or `new` does not hold `old`.
    """
    if not await is_ancestor(mirror.git, old, new):
        raise Conflict(f"branch {name} cannot go from {old[:12]} to {new[:12]}, which does not hold it: make a new branch")
    await _move(mirror, name, new=new, old=old)


async def branch_commit(mirror: Mirror, name: str) -> str | None:
    """Return where a branch of the mirror is, or None."""
    return await commit_of(mirror.git, f"refs/heads/{branch_name(name)}")


async def _move(mirror: Mirror, name: str, *, new: str, old: str) -> None:
    ref = f"refs/heads/{branch_name(name)}"
    args = ("update-ref", ref, new, old)
    done = await mirror.git.call(*args)
    if done.code == 0:
        return
    here = await commit_of(mirror.git, ref)
    if here == new:
        return
    if here is None and old == NOTHING:
        # The name is not taken but cannot be: a branch `a` stands in the way of `a/b`, or the commit is missing.
        mirror.git.checked(done, *args)
    found, expected = here[:12] if here else "no commit", "no commit" if old == NOTHING else old[:12]
    raise Conflict(f"branch {name} is at {found}, not at {expected}: it stays there")


async def publish(mirror: Mirror, branches: Iterable[str]) -> Published:
    """Put branches into the person's repository, so that they are visible there; a branch that went another way there stays as it is.

    Raises:
        InvalidInput: if a branch is not one of Genie's.
    """
    mirror.reassert_settings()
    taken, refused = list[str](), list[Unpublished]()
    for branch in branches:
        if not branch.startswith(PREFIX):
            raise InvalidInput(f"branch {branch!r} is not one of Genie's ({PREFIX}…), so it is not published")
        why = await _publish_one(mirror, branch_name(branch))
        if why is None:
            taken.append(branch)
        else:
            refused.append(Unpublished(branch=branch, why=why))
    return Published(branches=tuple(taken), refused=tuple(refused))


async def _publish_one(mirror: Mirror, branch: str) -> str | None:
    refspec = f"refs/heads/{branch}:refs/heads/{branch}"
    if mirror.is_path:
        # A fetch on their side, no push on ours: none of their hooks runs, and git refuses a branch that is checked out or went elsewhere.
        theirs = Git(Path(mirror.location), mirror.env)
        done = await theirs.call(*FETCH, "--end-of-options", str(mirror.path), refspec, seconds=PUSH_SECONDS)
    else:
        args = ("push", "--quiet", "--no-verify", "--end-of-options", mirror.location, refspec)
        done = await mirror.git.call(*args, seconds=PUSH_SECONDS, network=True)
    return None if done.code == 0 else last_words(done.errors)
