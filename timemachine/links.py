"""The `.git` of a work tree: our own git is led past it, but commands that run in the tree are led by it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from timemachine.mirrors import free_name

MOST: Final = 8192
"""No link of ours is longer: what an attempt put in its place is not read to its end."""


def is_linked(tree: Path, admin: Path) -> bool:
    """Say whether the `.git` of a work tree leads to where its mirror keeps its HEAD and index."""
    link = tree / ".git"
    if link.is_symlink() or not link.is_file() or link.stat().st_size > MOST:
        return False
    return link.read_text(errors="replace") == _text(admin)


def link_again(tree: Path, admin: Path) -> bool:
    """Set aside what an attempt put in the place of a work tree's `.git`, write that anew, and say whether that was needed."""
    if is_linked(tree, admin):
        return False
    link = tree / ".git"
    if os.path.lexists(link):
        home = admin / "set-aside"
        home.mkdir(exist_ok=True)
        link.rename(free_name(home / "git"))
    link.write_text(_text(admin))
    return True


def _text(admin: Path) -> str:
    return f"gitdir: {admin}\n"
