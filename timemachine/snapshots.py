"""A commit of a work tree as it stands, made without touching its files, its index or its HEAD."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from epics.errors import Environment, GitFailed
from timemachine.commits import Signature, commit_tree
from timemachine.git import Git, as_text, commit_id
from timemachine.lasting import lasting
from timemachine.lfs_pointing import point_at_contents
from timemachine.staging import SnapshotLimits, Staged, filled_submodules, filled_submodules_of, scratch_index, stage
from timemachine.worktrees import Worktree

DEFAULT_LIMITS = SnapshotLimits()


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A work tree as a commit.

    `changed` is False when the parent has the same tree; the commit is the parent then. `files` are the paths that differ from the first
    parent. Not in it, or not whole, are: `embedded` (directories that are repositories of their own: their files are in the snapshot, their
    history is not; of submodules only the commit is), `too_large` (files over the limit) and `left_out` (what git cannot hold: sockets,
    unreadable files, names that look like `.git`).
    """

    commit: str
    tree: str
    changed: bool
    files: tuple[str, ...] = ()
    embedded: tuple[str, ...] = ()
    too_large: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


async def snapshot(
    worktree: Worktree,
    *,
    signature: Signature,
    message: str,
    parents: tuple[str, ...] | None = None,
    limits: SnapshotLimits = DEFAULT_LIMITS,
) -> Snapshot:
    """Commit HEAD + edits + untracked files that are not ignored; the same files and arguments give the same commit.

    `parents` are HEAD unless given. No ref names the commit yet: advance a branch to it, or `protect` it.

    Raises:
        NeedsPerson: if more is new in the work tree than the limits allow.
        GitFailed: if git cannot read the work tree, or not within the time.
        Environment: if the disk does not let us, for instance because it is full.
    """
    worktree.check_place()
    worktree.mirror.reassert_settings()
    try:
        async with asyncio.timeout(limits.seconds):
            async with scratch_index(worktree) as index:
                staged = await _staged(worktree, index, limits)
                tree = await _tree(worktree.git(index), staged)
                return await _commit(worktree.mirror.git, staged, tree, _parents(worktree, staged, parents), message, signature)
    except TimeoutError as error:
        raise GitFailed(f"the snapshot of {worktree.path} did not end within {limits.seconds:g} s") from error
    except OSError as error:
        raise Environment(f"the snapshot of {worktree.path} cannot be written: {error.strerror}") from error


async def unsaved_paths(worktree: Worktree, kept: str, limits: SnapshotLimits = DEFAULT_LIMITS) -> tuple[str, ...]:
    """Return the paths whose content, or history, would be lost if only the commit `kept` were left of the work tree."""
    worktree.check_place()
    worktree.mirror.reassert_settings()
    async with scratch_index(worktree) as index:
        staged = await _staged(worktree, index, limits)
        git = worktree.git(index)
        differing = await _changed_files(worktree.mirror.git, commit_id(kept), await _tree(git, staged))
        # A snapshot saves itself this look where nothing lists submodules; here their files would be deleted.
        filled = filled_submodules(git, worktree.path) if differing else filled_submodules_of(git, kept, worktree.path)
        staged.embedded |= await filled
    return tuple(dict.fromkeys((*differing, *_texts(staged.embedded), *_texts(staged.too_large), *_texts(staged.left_out))))


async def _staged(worktree: Worktree, index: Path, limits: SnapshotLimits) -> Staged:
    staged = await stage(worktree, index, limits)
    if await point_at_contents(worktree, worktree.git(index)):
        # HEAD has the content itself, then.
        staged.is_head = False
    return staged


async def _tree(git: Git, staged: Staged) -> str:
    if staged.is_head and staged.head is not None:
        return as_text(await lasting(git, "rev-parse", "--verify", f"{commit_id(staged.head)}^{{tree}}")).strip()
    return await git.run("write-tree")


def _parents(worktree: Worktree, staged: Staged, parents: tuple[str, ...] | None) -> tuple[str, ...]:
    if parents:
        return parents
    if staged.head is None:
        raise GitFailed(f"the work tree {worktree.path} is at no commit, so its snapshot has no parent: name one")
    return (staged.head,)


async def _commit(git: Git, staged: Staged, tree: str, parents: tuple[str, ...], message: str, signature: Signature) -> Snapshot:
    first = parents[0]
    same = staged.is_head and first == staged.head
    files = () if same else await _changed_files(git, commit_id(first), tree)
    changed = bool(files) or len(parents) > 1
    return Snapshot(
        commit=await commit_tree(git, tree, parents, message, signature) if changed else first,
        tree=tree,
        changed=changed,
        files=files,
        embedded=_texts(staged.embedded),
        too_large=_texts(staged.too_large),
        left_out=_texts(staged.left_out),
    )


async def _changed_files(git: Git, before: str, after: str) -> tuple[str, ...]:
    output = await lasting(git, "diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after)
    return tuple(as_text(path) for path in output.split(b"\0") if path)


def _texts(paths: set[bytes]) -> tuple[str, ...]:
    return tuple(as_text(path) for path in sorted(paths))
