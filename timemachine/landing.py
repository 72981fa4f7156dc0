"""Merging finished work into the base branch of the person's repository: once, never by force, never over work of theirs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from epics.errors import GitFailed
from timemachine.checkouts import Checkout, checkout_of, why_not_clean
from timemachine.commits import Signature, commit_of, is_ancestor
from timemachine.diffs import changed_paths
from timemachine.git import Completed, Git, branch_name, commit_id, last_words
from timemachine.lfs_publishing import bring_contents
from timemachine.lfs_stores import filter_settings, store_of_person
from timemachine.merges import Conflicted, merge_commit, merge_preview
from timemachine.mirrors import FETCH, Mirror, protect

PUSH_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Landed:
    """The branch holds the work, at `commit`; `already` says that it did before anything was done."""

    commit: str
    how: Literal["already", "ff", "merge"]


@dataclass(frozen=True, kw_only=True)
class BaseMoved:
    """The branch is at another commit than expected, or the head does not hold it; nothing was done."""

    new_base: str


@dataclass(frozen=True, kw_only=True)
class TargetDirty:
    """The branch is checked out at `path` and not clean; nothing was done. `files` are in the way, `why` says it in words."""

    path: str
    files: tuple[str, ...]
    why: str


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The repository did not take the merge (a protected branch, no right to push, …); nothing was done."""

    why: str


Landing = Landed | BaseMoved | TargetDirty | Conflicted | Refused


async def land(
    mirror: Mirror,
    *,
    base_branch: str,
    head: str,
    expected_base: str,
    message: str,
    signature: Signature,
    method: Literal["ff", "merge"] = "ff",
) -> Landing:
    """Merge `head` into the base branch of the person's repository.

    It looks first, so that asking again after a crash does not merge twice. With "ff" the head must hold the base; with "merge" a merge
    commit is made. A branch that is checked out in a clean work tree goes forward together with its files; else only the branch does.

    Raises:
        RepositoryUnusable: if the repository or its branch cannot be read.
    """
    commit_id(head)
    commit_id(expected_base)
    here = await mirror.fetch_base(branch_name(base_branch))
    if await is_ancestor(mirror.git, head, here):
        return Landed(commit=here, how="already")
    holds_base = await is_ancestor(mirror.git, here, head)
    if here != expected_base or (method == "ff" and not holds_base):
        return BaseMoved(new_base=here)
    commit = head
    if method == "merge":
        preview = await merge_preview(mirror, here, head)
        if isinstance(preview, Conflicted):
            return preview
        commit = await merge_commit(mirror, preview.tree, (here, head), message, signature)
    await protect(mirror, commit)
    if why := await bring_contents(mirror, commit):
        return Refused(why=why)
    trouble = await (_land_in_path if mirror.is_path else _land_at_url)(mirror, base_branch, here, commit)
    return trouble or Landed(commit=commit, how=method)


async def _land_at_url(mirror: Mirror, branch: str, old: str, new: str) -> BaseMoved | Refused | None:
    mirror.reassert_settings()
    # What comes holds `old`, so nothing is ever forced; the lease makes the other side refuse if its branch is not at `old` any more.
    lease = f"--force-with-lease=refs/heads/{branch}:{old}"
    args = ("push", "--quiet", "--no-verify", lease, "--end-of-options", mirror.location, f"{new}:refs/heads/{branch}")
    done = await mirror.git.call(*args, seconds=PUSH_SECONDS, network=True)
    return None if done.code == 0 else await _moved_or_refused(mirror, branch, old, new, done)


async def _moved_or_refused(mirror: Mirror, branch: str, old: str, new: str, done: Completed) -> BaseMoved | Refused | None:
    here = await mirror.fetch_base(branch)
    if await is_ancestor(mirror.git, new, here):
        return None
    return BaseMoved(new_base=here) if here != old else Refused(why=last_words(done.errors))


async def _land_in_path(mirror: Mirror, branch: str, old: str, new: str) -> BaseMoved | TargetDirty | Refused | None:
    theirs = Git(Path(mirror.location), mirror.env)
    # Only objects, no ref: the branch names them in the next step, and git collects nothing this young.
    got = await theirs.call(*FETCH, "--end-of-options", str(mirror.path), f"refs/genie/keep/{new}", seconds=PUSH_SECONDS)
    if got.code != 0:
        return Refused(why=last_words(got.errors))
    checkout = await checkout_of(theirs, branch)
    if checkout is not None:
        return await _land_in_checkout(mirror, checkout, branch, old, new)
    done = await theirs.call("update-ref", "-m", "genie: merge", f"refs/heads/{branch}", new, old)
    return None if done.code == 0 else await _moved_or_refused(mirror, branch, old, new, done)


async def _land_in_checkout(mirror: Mirror, checkout: Checkout, branch: str, old: str, new: str) -> BaseMoved | TargetDirty | None:
    path = str(checkout.path)
    contents = filter_settings(store_of_person(Path(mirror.location)))
    if trouble := await why_not_clean(checkout, mirror.env, contents):
        return TargetDirty(path=path, files=trouble.files, why=trouble.why)
    if covered := await _covered_files(mirror, checkout.path, old, new):
        return TargetDirty(path=path, files=covered, why="files that are in no commit would be overwritten")
    theirs = Git(checkout.path, mirror.env, contents)
    if await commit_of(theirs, f"refs/heads/{branch}") != old:
        return BaseMoved(new_base=await mirror.fetch_base(branch))
    done = await _to_its_end(theirs.call("merge", "--ff-only", "--quiet", "--no-stat", "--no-autostash", "--no-overwrite-ignore", new))
    here = await commit_of(theirs, f"refs/heads/{branch}")
    if here == new:
        return None
    if here is None:
        raise GitFailed(f"branch {branch} of {path} vanished during the merge")
    if here != old:
        return BaseMoved(new_base=await mirror.fetch_base(branch))
    return TargetDirty(path=path, files=(), why=last_words(done.errors))


async def _to_its_end(call: Coroutine[Any, Any, Completed]) -> Completed:
    """Wait for a call also when we are cancelled: stopped half way, git would leave their checkout between two commits."""
    task = asyncio.create_task(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _covered_files(mirror: Mirror, root: Path, old: str, new: str) -> tuple[str, ...]:
    """Return the files of the checkout that stand where the merge adds some; also ignored ones, which git takes for worthless."""
    changes = await changed_paths(mirror, old, new)
    gone = {change.old_path or change.path for change in changes if change.status in ("D", "R")}
    return await asyncio.to_thread(_in_the_way, root, [change.path for change in changes if change.status in ("A", "R", "C")], gone)


def _in_the_way(root: Path, added: list[str], gone: set[str]) -> tuple[str, ...]:
    found = dict[str, None]()
    for path in added:
        places = [*reversed(PurePosixPath(path).parents[:-1]), PurePosixPath(path)]
        found |= dict.fromkeys(str(place) for place in places if _is_file(root / place) and str(place) not in gone)
        if (root / path).is_dir() and not (root / path).is_symlink():
            inside = (str(file.relative_to(root)) for file in (root / path).rglob("*") if _is_file(file))
            found |= dict.fromkeys(file for file in inside if file not in gone)
    return tuple(found)


def _is_file(path: Path) -> bool:
    return path.is_symlink() or (os.path.lexists(path) and not path.is_dir())
