"""Where the contents of Git LFS files are: a store in the mirror, shared by its work trees, and that of the person's repository."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Final

from timemachine import lfs_filter

FOLDER: Final = "lfs"
_LINK: Final = b"gitdir: "


def store_of(mirror_path: Path) -> Path:
    """Return the mirror's own store: where Git LFS itself would look from any of its work trees."""
    return mirror_path / FOLDER


def store_of_person(repository: Path) -> Path:
    """Return the store of a person's repository, which need not be there."""
    place = repository / ".git"
    if place.is_dir():
        return place / FOLDER
    if place.is_file() and (link := place.read_bytes()).startswith(_LINK):
        return repository / os.fsdecode(link.removeprefix(_LINK).rstrip(b"\n")) / FOLDER
    return repository / FOLDER


def filter_settings(store: Path, *others: Path) -> tuple[str, ...]:
    """Return settings by which git exchanges pointers and contents, by our own program alone.

    Git starts it only where a path's attributes say `filter=lfs`, so that it costs nothing elsewhere.

    Args:
        store: where new contents are put.
        others: where contents are read, too.
    """
    program = (sys.executable, "-I", "-S", lfs_filter.__file__, str(store), *map(str, others))
    # Required: where the program fails, git must not take the content itself.
    return (f"filter.lfs.process={shlex.join(program)}", "filter.lfs.required=true")
