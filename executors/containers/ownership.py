"""Whose the files of a work tree are: the container's user must write them where Genie itself is root."""

from __future__ import annotations

import os
from pathlib import Path

from executors.image.rootfs import USER


def agent_user() -> tuple[int, int]:
    """The user and group that containers run as: never root, and Genie's own where that is another."""
    return (USER, USER) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def hand_over(tree: Path, uid: int, gid: int) -> None:
    """Make a user the owner of a folder and all in it; links are changed themselves, not what they lead to.

    Only root can, and only where it differs: a file that is touched looks changed to git, which then reads it.
    """
    if os.geteuid() != 0:
        return
    _own(tree, uid, gid)
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            _own(Path(folder) / name, uid, gid)


def _own(path: Path, uid: int, gid: int) -> None:
    found = path.lstat()
    if (found.st_uid, found.st_gid) != (uid, gid):
        os.lchown(path, uid, gid)
