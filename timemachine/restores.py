"""Putting an agent's own configuration back to the base branch's version before it runs."""

from __future__ import annotations

import os
import posixpath
import shutil
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from epics.errors import InvalidInput
from timemachine.git import commit_id
from timemachine.mirrors import free_name
from timemachine.staging import scratch_index
from timemachine.worktrees import Worktree

MOST_LINKS = 40


async def restore_paths(worktree: Worktree, from_commit: str, paths: Iterable[str]) -> tuple[str, ...]:
    """Make the given paths in the work tree what they are in the commit, and return those that had to change.

    Also ignored files under them, since a tool reads those too, and whatever a symbolic link of the commit leads to inside the tree.
    What stands in the way is moved to the mirror's `set-aside` directory of this work tree, not deleted; links are never followed.

    Raises:
        InvalidInput: if a path leads out of the tree, or into `.git`.
    """
    worktree.check_place()
    commit_id(from_commit)
    wanted = [_inside(path) for path in paths]
    async with scratch_index(worktree) as index:
        index.unlink(missing_ok=True)
        git = worktree.git(index)
        await git.run("read-tree", from_commit)
        names = await _with_link_targets(worktree, from_commit, wanted)
        if not names:
            return ()
        blocked = [parent for name in names if (parent := _blocking_parent(worktree.path, name)) is not None]
        for parent in dict.fromkeys(blocked):
            _set_aside(worktree, parent)
        # Without the standard excludes: ignored files are listed too.
        listed = await git.run_bytes("ls-files", "--modified", "--deleted", "--others", "-z", "--", *names)
        differing = sorted({path.removesuffix(b"/") for path in listed.split(b"\0") if path})
        if not differing:
            return tuple(dict.fromkeys(blocked))
        for path in differing:
            _set_aside(worktree, os.fsdecode(path))
        tracked = await git.run_bytes("ls-files", "--cached", "-z", "--", *names)
        back = [path for path in tracked.split(b"\0") if path in frozenset(differing)]
        await git.run_bytes("checkout-index", "--force", "-z", "--stdin", given=b"".join(path + b"\0" for path in back))
    return tuple(dict.fromkeys((*blocked, *(path.decode("utf-8", "backslashreplace") for path in differing))))


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path or any(part.lower() == ".git" for part in parts):
        raise InvalidInput(f"{path!r} is not a path inside a work tree")
    return str(PurePosixPath(*parts))


async def _with_link_targets(worktree: Worktree, commit: str, names: list[str]) -> list[str]:
    """Add what the commit's symbolic links among the names lead to: a CLAUDE.md is often a link to another file."""
    done, todo = dict[str, None](), list(names)
    while todo and len(done) < MOST_LINKS + len(names):
        asked, todo = list(dict.fromkeys(name for name in todo if name not in done)), []
        if not asked:
            break
        done |= dict.fromkeys(asked)
        listed = await worktree.mirror.git.run_bytes("ls-tree", "-r", "-z", commit, "--", *asked)
        for entry in listed.split(b"\0"):
            facts, _, path = entry.partition(b"\t")
            if facts.startswith(b"120000"):
                target = await worktree.mirror.git.run_bytes("cat-file", "blob", facts.split(b" ")[2].decode())
                led = posixpath.normpath(posixpath.join(posixpath.dirname(os.fsdecode(path)), os.fsdecode(target)))
                if led != "." and not led.startswith(("/", "../")) and led != "..":
                    todo.append(led)
    return list(done)


def _blocking_parent(root: Path, name: str) -> str | None:
    """Return the first parent of the path that is there and is no directory: writing below it would follow a link."""
    for parent in reversed(PurePosixPath(name).parents[:-1]):
        place = root / parent
        if place.is_symlink() or (os.path.lexists(place) and not place.is_dir()):
            return str(parent)
    return None


def _set_aside(worktree: Worktree, name: str) -> None:
    place = worktree.path / name
    if not os.path.lexists(place):
        return
    home = worktree.admin / "set-aside"
    home.mkdir(exist_ok=True)
    shutil.move(place, free_name(home / place.name))
