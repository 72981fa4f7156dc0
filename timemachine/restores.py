"""Putting an agent's own configuration back to the base branch's version before it runs."""

from __future__ import annotations

import asyncio
import hashlib
import os
import posixpath
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from epics.errors import InvalidInput
from timemachine.git import commit_id
from timemachine.lasting import lasting
from timemachine.mirrors import free_name
from timemachine.staging import scratch_index
from timemachine.worktrees import Worktree

MOST_LINKS = 40
MOST_BYTES = 1_000_000
_PROGRAM = "100755"
_FILES = frozenset({"100644", _PROGRAM})
_SHA1 = 40


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
    if await asyncio.to_thread(_are_as, worktree.path, await _entries(worktree, from_commit, wanted), wanted):
        return ()
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
        for facts, path in await _entries(worktree, commit, asked):
            if facts.startswith(b"120000"):
                target = await worktree.mirror.git.run_bytes("cat-file", "blob", facts.split(b" ")[2].decode())
                led = posixpath.normpath(posixpath.join(posixpath.dirname(os.fsdecode(path)), os.fsdecode(target)))
                if led != "." and not led.startswith(("/", "../")) and led != "..":
                    todo.append(led)
    return list(done)


async def _entries(worktree: Worktree, commit: str, names: list[str]) -> list[tuple[bytes, bytes]]:
    listed = await lasting(worktree.mirror.git, "ls-tree", "-r", "-z", commit, "--", *names)
    return [(facts, path) for facts, _, path in (entry.partition(b"\t") for entry in listed.split(b"\0") if entry)]


def _are_as(root: Path, entries: list[tuple[bytes, bytes]], names: list[str]) -> bool:
    """Say whether the names are, byte for byte, what the commit has of them; a link is left for git to look at, as is all that is rare."""
    wanted = {os.fsdecode(path): facts.decode().split() for facts, path in entries}
    if any(mode not in _FILES for mode, _, _ in wanted.values()) or any(_blocking_parent(root, name) for name in names):
        return False
    if _found(root, names) != wanted.keys():
        return False
    return all(_is_blob(root / path, object_id, runs=mode == _PROGRAM) for path, (mode, _, object_id) in wanted.items())


def _found(root: Path, names: list[str]) -> set[str]:
    """What is there below the names: files, links, and whatever else a folder has in it that is no folder."""
    found = set[str]()
    for name in names:
        place = root / name
        if place.is_symlink() or not place.is_dir():
            found |= {name} if os.path.lexists(place) else set()
            continue
        inside = (Path(folder) / each for folder, folders, files in os.walk(place) for each in (*folders, *files))
        found |= {str(each.relative_to(root)) for each in inside if each.is_symlink() or not each.is_dir()}
    return found


def _is_blob(place: Path, object_id: str, *, runs: bool) -> bool:
    try:
        state = place.lstat()
        if not stat.S_ISREG(state.st_mode) or state.st_size > MOST_BYTES or bool(state.st_mode & stat.S_IXUSR) != runs:
            return False
        content = place.read_bytes()
    except OSError:
        return False
    digest = hashlib.new("sha1" if len(object_id) == _SHA1 else "sha256", usedforsecurity=False)
    digest.update(b"blob %d\0" % len(content) + content)
    return digest.hexdigest() == object_id


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
