"""Merging in the mirror: without a work tree, without losing either side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from timemachine.commits import Signature, commit_tree, is_ancestor, tree_of
from timemachine.git import as_text, commit_id
from timemachine.mirrors import Mirror, protect


@dataclass(frozen=True, kw_only=True)
class Merged:
    """Both sides go together; `tree` is what comes of it."""

    tree: str


@dataclass(frozen=True, kw_only=True)
class Conflicted:
    """The sides do not go together: `tree` has git's markers in the files of `paths`, or one side of what has no lines to mark."""

    tree: str
    paths: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BroughtIn:
    """The head with the base in it; `conflicts` are the paths that somebody must still put right."""

    commit: str
    conflicts: tuple[str, ...] = ()


async def merge_preview(mirror: Mirror, head: str, base: str) -> Merged | Conflicted:
    """Say what a merge of `base` into `head` would come to; nothing is changed by asking.

    Raises:
        GitFailed: if git cannot merge them at all, for instance because they have no history in common.
    """
    args = ("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", commit_id(head), commit_id(base))
    done = await mirror.git.call(*args)
    if done.code != 1:
        mirror.git.checked(done, *args)
    tree, *paths = [part for part in done.output.split(b"\0") if part]
    if done.code == 0:
        return Merged(tree=tree.decode())
    return Conflicted(tree=tree.decode(), paths=tuple(dict.fromkeys(as_text(path) for path in paths)))


async def change_on(mirror: Mirror, tip: str, old: str, new: str) -> Merged | Conflicted:
    """Say what `tip` would be with the change from `old` to `new` made to it; no ref is changed by asking.

    Raises:
        GitFailed: if a commit is not in the mirror.
    """
    git = mirror.git
    # Commits of these trees alone, so that git takes `old` for where the other two part: older ones cannot be told.
    nobody = Signature(name="Genie", email="genie@localhost", at=datetime.fromtimestamp(0, UTC))
    begun = await commit_tree(git, await tree_of(git, old), (), "old\n", nobody)
    ours = await commit_tree(git, await tree_of(git, tip), (begun,), "tip\n", nobody)
    theirs = await commit_tree(git, await tree_of(git, new), (begun,), "new\n", nobody)
    return await merge_preview(mirror, ours, theirs)


async def merge_commit(mirror: Mirror, tree: str, parents: tuple[str, ...], message: str, signature: Signature) -> str:
    """Make the commit of a merge, and keep it."""
    commit = await commit_tree(mirror.git, tree, parents, message, signature)
    await protect(mirror, commit)
    return commit


async def bring_in(mirror: Mirror, head: str, base_commit: str, signature: Signature) -> BroughtIn:
    """Bring a base that has moved into the head; a conflict is committed with its markers, for the next fix to put right."""
    if await is_ancestor(mirror.git, base_commit, head):
        return BroughtIn(commit=head)
    if await is_ancestor(mirror.git, head, base_commit):
        return BroughtIn(commit=base_commit)
    preview = await merge_preview(mirror, head, base_commit)
    conflicts = preview.paths if isinstance(preview, Conflicted) else ()
    message = f"Bring in the base at {base_commit[:12]}\n"
    if conflicts:
        message += "\nConflicts:\n" + "".join(f"\t{path}\n" for path in conflicts)
    return BroughtIn(commit=await merge_commit(mirror, preview.tree, (head, base_commit), message, signature), conflicts=conflicts)


async def leftover_conflict_markers(mirror: Mirror, commit: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the paths that still have conflict markers in the commit."""
    if not paths:
        return ()
    args = ("grep", "-I", "-l", "-z", "-E", "-e", "^(<{7}|>{7}|[|]{7}) ", commit_id(commit), "--", *paths)
    done = await mirror.git.call(*args)
    if done.code != 1:
        mirror.git.checked(done, *args)
    return tuple(as_text(found).partition(":")[2] for found in done.output.split(b"\0") if found)
