"""Branches of epics: made, moved on, shown in the person's repository; never taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from epics.errors import Conflict, InvalidInput, RepositoryUnusable
from timemachine.commits import commit_of, is_ancestor
from timemachine.git import Git, branch_name, commit_id, last_words
from timemachine.lfs_publishing import bring_contents
from timemachine.mirrors import FETCH, Mirror, loose_ref, protect
from timemachine.repositories import remote_branches
from timemachine.stale_locks import locks_below, set_aside_locks, update_ref

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


async def reset_branches(mirror: Mirror, folder: str, tips: Mapping[str, str]) -> None:
    """Put the mirror's branches where `tips` says; what a branch was at before is kept as a commit.

    The branches of a mirror are a cache of the database, which another host may have carried on meanwhile.

    Args:
        mirror: where the branches are.
        folder: the beginning of all their names, with a slash at its end.
        tips: the commit of each branch; branches that it does not name stay.
    """
    place = f"refs/heads/{branch_name(folder[:-1])}"
    # Whoever may write the epic's branches is the caller; a lock there is of a worker that was killed.
    set_aside_locks(mirror.path, list(locks_below(mirror.path / place)))
    if all(loose_ref(mirror.path, f"refs/heads/{name}") == commit for name, commit in tips.items()):
        return
    listed = await mirror.git.run("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", f"{place}/")
    here = {name: commit for commit, _, name in (line.partition(" ") for line in listed.splitlines())}
    for name, commit in tips.items():
        old = here.get(name, NOTHING)
        if old == commit:
            continue
        if old != NOTHING:
            await protect(mirror, old)
        await _move(mirror, name, new=commit_id(commit), old=old)


async def branch_commit(mirror: Mirror, name: str) -> str | None:
    """Return where a branch of the mirror is, or None."""
    return await commit_of(mirror.git, f"refs/heads/{branch_name(name)}")


async def _move(mirror: Mirror, name: str, *, new: str, old: str) -> None:
    ref = f"refs/heads/{branch_name(name)}"
    args = (ref, new, old)
    done = await update_ref(mirror.git, mirror.path, *args)
    if done.code == 0:
        return
    here = await commit_of(mirror.git, ref)
    if here == new:
        return
    if here is None and old == NOTHING:
        # The name is not taken but cannot be: a branch `a` stands in the way of `a/b`, or the commit is missing.
        mirror.git.checked(done, "update-ref", *args)
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
    ref = f"refs/heads/{branch}"
    refspec = f"{ref}:{ref}"
    tip = await commit_of(mirror.git, ref)
    if tip is not None and (why := await bring_contents(mirror, tip)):
        return why
    if mirror.is_path:
        # A fetch on their side, no push on ours: none of their hooks runs, and git refuses a branch that is checked out or went elsewhere.
        theirs = Git(Path(mirror.location), mirror.env)
        done = await theirs.call(*FETCH, "--end-of-options", str(mirror.path), refspec, seconds=PUSH_SECONDS)
        return None if done.code == 0 else last_words(done.errors)
    try:
        heads, _ = await remote_branches(mirror.git, mirror.location)
    except RepositoryUnusable as error:
        return str(error)
    ours, there = await commit_of(mirror.git, ref), heads.get(branch)
    if ours is None or ours == there:
        return None if ours else "there is no such branch"
    if there is not None and (await commit_of(mirror.git, there) is None or not await is_ancestor(mirror.git, there, ours)):
        return f"somebody moved it to {there[:12]} there, and it stays at that"
    # What comes holds what is there, so nothing is ever forced; the lease makes the other side refuse if its branch has moved meanwhile.
    lease = f"--force-with-lease={ref}:{there or ''}"
    args = ("push", "--quiet", "--no-verify", lease, "--end-of-options", mirror.location, refspec)
    done = await mirror.git.call(*args, seconds=PUSH_SECONDS, network=True)
    return None if done.code == 0 else last_words(done.errors)
