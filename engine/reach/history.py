"""The git history that an agent's tools read."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import PurePosixPath

from epics.errors import GitFailed, InvalidInput
from timemachine.diffs import DiffText
from timemachine.reading import read_blame, read_commit, read_diff, read_file_at, read_log
from timemachine.worktrees import Worktree
from tools.output import CAP
from tools.workspace import ToolProblem


class TreeHistory:
    """Implements `tools.context.ReadsHistory` on the work tree of one attempt."""

    def __init__(self, worktree: Worktree) -> None:
        """Bind to a work tree."""
        self._worktree = worktree

    async def log(self, *, revision: str, path: str, count: int) -> str:
        """The newest commits."""
        return await _told(read_log(self._worktree, revision=revision, path=_inside(path), count=count, limit=CAP))

    async def show(self, *, revision: str, path: str) -> str:
        """A commit with its changes, or a file as it was there."""
        if path:
            return await _told(read_file_at(self._worktree, revision=revision, path=_inside(path), limit=CAP))
        return await _told(read_commit(self._worktree, revision=revision, limit=CAP))

    async def diff(self, *, old: str, new: str, path: str) -> str:
        """What differs between two commits, or between one and the work tree."""
        return await _told(read_diff(self._worktree, old=old, new=new, path=_inside(path), limit=CAP))

    async def blame(self, *, path: str, revision: str, first: int, last: int) -> str:
        """Who changed each line of a file last."""
        if last < first:
            raise ToolProblem(f"there are no lines from {first} to {last}: give the smaller number first")
        return await _told(read_blame(self._worktree, path=_inside(path), revision=revision, first=first, last=last, limit=CAP))


async def _told(reading: Awaitable[DiffText]) -> str:
    try:
        read = await reading
    except InvalidInput as error:
        raise ToolProblem(str(error)) from error
    except GitFailed as error:
        # Its message has the folder of the mirror, which is of no use to a model; the last words are git's own.
        raise ToolProblem(f"git says: {str(error).rpartition(': ')[2]}") from error
    text = read.text.replace("\0", "\N{SYMBOL FOR NULL}")
    return f"{text}\n[cut off here; name a path or fewer lines]" if read.cut else text


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or "\0" in path:
        raise ToolProblem(f"{path!r} is no path of the repository: give one relative to its root, without '..'")
    return "/".join(parts)
