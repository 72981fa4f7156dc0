"""What differs between two commits, and what a commit holds."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from timemachine.git import as_text, commit_id
from timemachine.lasting import lasting
from timemachine.mirrors import Mirror

DIFF = ("diff-tree", "-r", "-M", "--no-ext-diff", "--no-textconv", "--no-color")


@dataclass(frozen=True, kw_only=True)
class PathChange:
    """A path that differs; `status` is git's letter (A, M, D, R, T), `old_path` where it was before a rename."""

    path: str
    status: str
    old_path: str | None = None


@dataclass(frozen=True, kw_only=True)
class PathStat:
    """How many lines of a path came and went; None where it is binary."""

    path: str
    added: int | None
    removed: int | None


@dataclass(frozen=True, kw_only=True)
class DiffText:
    """A diff for reading; `cut` says that there was more than the limit."""

    text: str
    cut: bool


@dataclass(frozen=True, kw_only=True)
class TreeEntry:
    """A file of a commit; `mode` is git's (100644, 100755, 120000 a symbolic link, 160000 a submodule), which has no size."""

    path: str
    mode: str
    object_id: str
    size: int | None


async def changed_paths(mirror: Mirror, before: str, after: str) -> tuple[PathChange, ...]:
    """Return the paths that differ between two commits or trees, renames told as such."""
    fields = iter((await lasting(mirror.git, *DIFF, "--name-status", "-z", commit_id(before), commit_id(after))).split(b"\0"))
    changes = list[PathChange]()
    for status in fields:
        if not status:
            continue
        letter, first = as_text(status[:1]), as_text(next(fields))
        if letter in ("R", "C"):
            changes.append(PathChange(path=as_text(next(fields)), status=letter, old_path=first))
        else:
            changes.append(PathChange(path=first, status=letter))
    return tuple(changes)


async def diff_stat(mirror: Mirror, before: str, after: str) -> tuple[PathStat, ...]:
    """Return how many lines came and went, path by path."""
    fields = iter((await lasting(mirror.git, *DIFF, "--numstat", "-z", commit_id(before), commit_id(after))).split(b"\0"))
    stats = list[PathStat]()
    for record in fields:
        if not record:
            continue
        added, removed, path = record.split(b"\t", 2)
        if not path:
            next(fields)
            path = next(fields)
        is_binary = added == b"-"
        stats.append(PathStat(path=as_text(path), added=None if is_binary else int(added), removed=None if is_binary else int(removed)))
    return tuple(stats)


async def diff_text(mirror: Mirror, before: str, after: str, limit_bytes: int = 200_000, paths: tuple[str, ...] = ()) -> DiffText:
    """Return the diff as text, cut at the limit and saying so."""
    args = (*DIFF, "-p", commit_id(before), commit_id(after), "--", *paths)
    done = mirror.git.checked(await mirror.git.call(*args, limit=limit_bytes), *args)
    text = done.output.decode("utf-8", "replace")
    return DiffText(text=f"{text}\n… (the diff is cut here, at {limit_bytes:,} bytes)\n" if done.cut else text, cut=done.cut)


async def list_tree(mirror: Mirror, commit: str, paths: tuple[str, ...] = ()) -> tuple[TreeEntry, ...]:
    """Return the files of a commit, or those under the given paths."""
    output = await mirror.git.run_bytes("ls-tree", "-r", "-z", "-l", "--full-tree", commit_id(commit), "--", *paths)
    return await asyncio.to_thread(_entries, output)


async def list_paths(mirror: Mirror, commit: str) -> tuple[str, ...]:
    """Return the paths of all files of a commit; quicker than `list_tree`, which looks at each file for its size."""
    output = await mirror.git.run_bytes("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit_id(commit))
    # In a thread, as all that is done for each file of a repository: there may be hundreds of thousands.
    return await asyncio.to_thread(_paths, output)


def _paths(output: bytes) -> tuple[str, ...]:
    return tuple(as_text(path) for path in output.split(b"\0") if path)


def _entries(output: bytes) -> tuple[TreeEntry, ...]:
    entries = list[TreeEntry]()
    for record in output.split(b"\0"):
        if record:
            facts, _, path = record.partition(b"\t")
            mode, _, object_id, size = facts.decode().split()
            entries.append(TreeEntry(path=as_text(path), mode=mode, object_id=object_id, size=None if size == "-" else int(size)))
    return tuple(entries)


async def read_file_at(mirror: Mirror, commit: str, path: str, limit_bytes: int | None = None) -> bytes | None:
    """Return the content of a file of a commit, or None if it has no such file; of a symbolic link, where it leads."""
    if not path or path.startswith("/") or not {".", "..", ""}.isdisjoint(path.split("/")):
        return None
    entries = [entry for entry in await list_tree(mirror, commit, (path,)) if entry.path == path and re.match("1[02]", entry.mode)]
    if not entries:
        return None
    args = ("cat-file", "blob", entries[0].object_id)
    return mirror.git.checked(await mirror.git.call(*args, limit=limit_bytes), *args).output
