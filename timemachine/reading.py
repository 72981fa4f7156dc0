"""What git tells of the past of a work tree: its commits, what differs between them, who changed a line last. Nothing here writes."""

from __future__ import annotations

import re
from typing import Final

from epics.errors import InvalidInput
from timemachine.diffs import DiffText
from timemachine.git import as_text
from timemachine.worktrees import Worktree

SECONDS: Final = 60.0

_LONGEST: Final = 255
_STRANGE: Final = re.compile(r"[\s\0\\]")
_LINE: Final = "%h %ad %an: %s"
_AS_THEY_ARE: Final = ("-c", "core.quotePath=false")
"""Names of files are told as people write them, and not in octal."""

_PLAIN: Final = ("--no-ext-diff", "--no-textconv", "--no-color")


async def read_log(worktree: Worktree, *, revision: str, path: str, count: int, limit: int) -> DiffText:
    """Return the newest commits up to `revision`, one in each line, those that touch `path` if it is given.

    Raises:
        InvalidInput: if there is no such commit.
        GitFailed: if git does not answer.
    """
    shape = ("--no-color", "--date=short", f"--format={_LINE}", f"--max-count={count}")
    return await _read(worktree, limit, "log", *shape, await _commit(worktree, revision), *_only(path))


async def read_commit(worktree: Worktree, *, revision: str, limit: int) -> DiffText:
    """Return a commit: who, when, why and what it changed.

    Raises:
        InvalidInput: if there is no such commit.
        GitFailed: if git does not answer.
    """
    shape = ("--date=short", "--format=commit %H%n%an, %ad%n%n%B", "--stat", "--patch", "-M")
    return await _read(worktree, limit, "show", *_PLAIN, *shape, await _commit(worktree, revision), "--")


async def read_file_at(worktree: Worktree, *, revision: str, path: str, limit: int) -> DiffText:
    """Return a file as it was at a commit.

    Raises:
        InvalidInput: if there is no such commit.
        GitFailed: if the commit has no such file.
    """
    return await _read(worktree, limit, "cat-file", "blob", f"{await _commit(worktree, revision)}:{path}")


async def read_diff(worktree: Worktree, *, old: str, new: str, path: str, limit: int) -> DiffText:
    """Return what differs from `old` to `new`, or to the files as they are now if `new` is empty; new files are then named at the end.

    Raises:
        InvalidInput: if there is no such commit.
        GitFailed: if git does not answer.
    """
    between = [await _commit(worktree, revision) for revision in (old, new) if revision]
    diff = await _read(worktree, limit, "diff", *_PLAIN, "-M", *between, *_only(path))
    if new or diff.cut:
        return diff
    unknown = await _read(worktree, limit, "ls-files", "--others", "--exclude-standard", *_only(path))
    named = "".join(f"\nnew file, not known to git yet: {name}" for name in unknown.text.splitlines())
    return DiffText(text=f"{diff.text}{named}".strip("\n"), cut=unknown.cut)


async def read_blame(worktree: Worktree, *, path: str, revision: str, first: int, last: int, limit: int) -> DiffText:
    """Return lines of a file as it was at a commit, each with the commit that changed it last.

    Raises:
        InvalidInput: if there is no such commit.
        GitFailed: if the commit has no such file, or the file no such line.
    """
    where = (f"-L{first},{last}", await _commit(worktree, revision), *_only(path))
    return await _read(worktree, limit, "blame", "--date=short", "--no-progress", "--abbrev=9", *where)


async def _read(worktree: Worktree, limit: int, *args: str) -> DiffText:
    git = worktree.git()
    done = git.checked(await git.call(*_AS_THEY_ARE, *args, limit=limit, seconds=SECONDS), *args)
    return DiffText(text=as_text(done.output).removesuffix("\n"), cut=done.cut)


async def _commit(worktree: Worktree, revision: str) -> str:
    if not revision or len(revision) > _LONGEST or revision.startswith("-") or _STRANGE.search(revision) or not revision.isprintable():
        raise InvalidInput(f"{revision[:80]!r} names no commit: give HEAD, a commit id or a branch")
    done = await worktree.git().call("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if done.code != 0:
        raise InvalidInput(f"there is no commit {revision!r}: give HEAD, HEAD~1, a commit id or a branch")
    return done.text.strip()


def _only(path: str) -> tuple[str, ...]:
    return ("--", path) if path else ("--",)
