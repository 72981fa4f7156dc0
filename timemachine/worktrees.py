"""A work tree per attempt: detached, apart from the person's checkout, never deleted with work in it."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from epics.errors import Environment, GitFailed, InvalidInput
from timemachine.commits import commit_of, is_ancestor
from timemachine.git import Git, as_text, commit_id
from timemachine.lasting import lasting
from timemachine.lfs_stores import filter_settings
from timemachine.links import is_linked
from timemachine.mirrors import Mirror, free_name, protect
from timemachine.seclusion import AS_IT_IS

STAMP = "genie-first-index"
# Longer than the tick by which any kernel counts the times of files.
CLOCK_TICK_S = 0.012
ADD = ("worktree", "add", "--quiet", "--force", "--force", "--detach", "--no-checkout")


@dataclass(frozen=True, kw_only=True)
class Worktree:
    """A work tree of a mirror.

    `admin` is where the mirror keeps its HEAD and index. Git is always led there by name, never by the `.git` file in the work tree:
    an attempt could put a repository of its own there, whose config would make us run programs. The same goes for the mirror itself,
    which git would else look up in a file of `admin`. What an attempt that runs commands as our own user does to the mirror's files
    directly cannot be prevented here; that takes an executor that walls it off.
    """

    path: Path
    mirror: Mirror
    admin: Path

    def git(self, index: Path | None = None) -> Git:
        """Git in the work tree, with the index given or its own."""
        # Each time: git reads and writes files here, through filters if a config that an attempt wrote named some.
        self.mirror.reassert_settings()
        variables = {**_led_to(self.mirror, self.admin), "GIT_WORK_TREE": str(self.path)}
        settings = (*AS_IT_IS, *filter_settings(*self.mirror.lfs_stores()))
        return Git(self.path, self.mirror.env, settings, variables if index is None else {**variables, "GIT_INDEX_FILE": str(index)})

    async def head(self) -> str:
        """Return the commit that the work tree is at.

        Raises:
            GitFailed: if it is at none.
        """
        commit = await _head_of(self)
        if commit is None:
            raise GitFailed(f"the work tree {self.path} is at no commit")
        return commit

    def is_there(self) -> bool:
        """Say whether anything is at its place."""
        return os.path.lexists(self.path)

    def has_first_index(self) -> bool:
        """Say whether the index is the one that the work tree was made with, so that no git of an attempt has written it."""
        stamp = self.admin / STAMP
        return stamp.is_file() and (self.admin / "index").is_file() and stamp.read_text() == _stamp_of(self.admin)

    def check_place(self) -> None:
        """See that the work tree is a directory and no link that leads elsewhere.

        Raises:
            GitFailed: if it is not.
        """
        if self.path.is_symlink() or not self.path.is_dir():
            raise GitFailed(f"the work tree {self.path} is gone, or something else is in its place")


async def add_worktree(mirror: Mirror, path: Path, commit: str) -> Worktree:
    """Return a work tree at `path` with the commit checked out, detached.

    Called again after a crash it finds what it made: a whole work tree whose HEAD holds the commit is adopted, anything else is set aside.

    Raises:
        GitFailed: if git cannot make it, for instance because the commit is not in the mirror.
        Environment: if the disk does not let us.
    """
    commit_id(commit)
    try:
        path = _made_ready(path)
        async with mirror.lock():
            mirror.reassert_settings()
            if adopted := await adopt_or_set_aside(mirror, path, commit):
                return adopted
            await _keep_what_vanished(mirror, path)
            # Twice --force: also where the entry of a work tree whose directory is gone is still there, locked by a crash in the making.
            await mirror.git.run(*ADD, "--end-of-options", str(path), commit)
            worktree = registered_worktree(mirror, path)
    except OSError as error:
        raise Environment(f"a work tree cannot be made at {path}: {error.strerror}") from error
    if worktree is None:
        raise GitFailed(f"git made no work tree at {path}")
    # The long part is done without the lock. The index appears when all files are there: it is the mark of a whole work tree.
    await worktree.git().run("read-tree", "-m", "-u", commit)
    await outdate_files(worktree.admin / "index")
    finish_index(worktree)
    return worktree


async def outdate_files(index: Path) -> None:
    """Date the index after every file that was checked out with it; nobody else has the work tree yet.

    Git reads a file again whose time is not before that of the index ("racy git" in git's documentation). Files that were
    checked out in the clock's last tick would be read at every snapshot, since a snapshot writes no index but its own.
    """
    await asyncio.sleep(CLOCK_TICK_S)
    os.utime(index)


async def adopt_or_set_aside(mirror: Mirror, path: Path, commit: str) -> Worktree | None:
    """Return the whole work tree at `path` if its HEAD holds `commit`; rename anything else there to `<path>.aside-<n>`.

    The caller holds the mirror's lock.
    """
    worktree = find_worktree(mirror, path)
    if worktree is not None and await _holds(worktree, commit):
        return worktree
    _set_aside(mirror, path)
    return None


def move_worktree(worktree: Worktree, to: Path) -> Worktree:
    """Rename a work tree to `to`, where nothing is; what it was registered as stays with it. The caller holds the mirror's lock."""
    # Registered first: killed in between, the entry leads to nothing, and the directory is a stray one that nobody takes for whole.
    to.parent.mkdir(parents=True, exist_ok=True)
    to = to.parent.resolve() / to.name
    (worktree.admin / "gitdir").write_bytes(os.fsencode(to / ".git") + b"\n")
    worktree.path.rename(to)
    return Worktree(path=to, mirror=worktree.mirror, admin=worktree.admin)


def is_taken(mirror: Mirror, path: Path) -> bool:
    """Say whether anything is at a place, or registered for it."""
    place = _made_ready(path)
    return os.path.lexists(place) or registered_worktree(mirror, place) is not None


def finish_index(worktree: Worktree) -> None:
    """Mark the index that is there as the one that Genie made."""
    (worktree.admin / STAMP).write_text(_stamp_of(worktree.admin))


def _set_aside(mirror: Mirror, path: Path) -> None:
    if not os.path.lexists(path):
        return
    aside = free_name(path)
    entry = registered_worktree(mirror, path)
    path.rename(aside)
    if entry is not None:
        # What the directory was registered as stays with it, so that its index and HEAD are not given to the next one.
        (entry.admin / "gitdir").write_text(f"{aside / '.git'}\n")


def _stamp_of(admin: Path) -> str:
    found = (admin / "index").stat()
    return f"{found.st_ino} {found.st_mtime_ns} {found.st_size}"


def _made_ready(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.parent.resolve() / path.name


def find_worktree(mirror: Mirror, path: Path) -> Worktree | None:
    """Return the whole work tree of this mirror at `path`, or None if it is not there, not ours, or was never finished."""
    path = path.parent.resolve() / path.name
    worktree = registered_worktree(mirror, path)
    if worktree is None or path.is_symlink() or not (worktree.admin / "index").is_file():
        return None
    return worktree if is_linked(path, worktree.admin) else None


async def _holds(worktree: Worktree, commit: str) -> bool:
    head = await _head_of(worktree)
    return head is not None and await is_ancestor(worktree.mirror.git, commit, head)


def registered_worktree(mirror: Mirror, path: Path) -> Worktree | None:
    """Return what the mirror has registered for that path, whole or not."""
    entries = mirror.path / "worktrees"
    if not entries.is_dir():
        return None
    for admin in (entries / path.name, *sorted(entries.iterdir())):
        link = admin / "gitdir"
        if link.is_file() and os.fsdecode(link.read_bytes()).removesuffix("\n") == str(path / ".git"):
            return Worktree(path=path, mirror=mirror, admin=admin)
    return None


async def _keep_what_vanished(mirror: Mirror, path: Path) -> None:
    """Keep the commit of a work tree whose directory somebody removed, before its entry is written anew."""
    entry = registered_worktree(mirror, path)
    if entry is not None:
        commit = await _head_of(entry)
        if commit is not None:
            await protect(mirror, commit)


async def _head_of(worktree: Worktree) -> str | None:
    git = Git(worktree.admin, worktree.mirror.env, variables=_led_to(worktree.mirror, worktree.admin))
    # Detached, as Genie leaves it, HEAD says itself which commit it is at; git is asked once whether that is one.
    with suppress(OSError, InvalidInput, GitFailed):
        at = commit_id((worktree.admin / "HEAD").read_text(errors="replace").strip())
        return as_text(await lasting(git, "rev-parse", "--verify", "--quiet", f"{at}^{{commit}}")).strip()
    return await commit_of(git, "HEAD")


def _led_to(mirror: Mirror, admin: Path) -> dict[str, str]:
    return {"GIT_DIR": str(admin), "GIT_COMMON_DIR": str(mirror.path)}
