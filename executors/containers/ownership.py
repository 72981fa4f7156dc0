"""Whose the files of a work tree are: the container's user must write them where Genie itself is root."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from executors.image.rootfs import USER


def agent_user() -> tuple[int, int]:
    """The user and group that containers run as: never root, and Genie's own where that is another."""
    return (USER, USER) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def hand_over(tree: Path, uid: int, gid: int) -> None:
    """Make a user the owner of a folder and all in it; links are changed themselves, not what they lead to.

    Only root can, and only where it differs: a file that is touched looks changed to git, which then reads it. An agent that is still at
    work there, since the daemon is away, may put a link in the place of a folder meanwhile: no path is followed, only open folders.
    """
    if os.geteuid() != 0:
        return
    # What is gone, or too deep to be reached, keeps its owner.
    with contextlib.suppress(FileNotFoundError, RecursionError):
        _own(str(tree), None, uid, gid)
        for _, folders, files, folder in os.fwalk(tree):
            for name in (*folders, *files):
                _own(name, folder, uid, gid)


def _own(name: str, folder: int | None, uid: int, gid: int) -> None:
    with contextlib.suppress(OSError):
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if (found.st_uid, found.st_gid) != (uid, gid):
            os.chown(name, uid, gid, dir_fd=folder, follow_symlinks=False)
