"""Folders in memory: to make a file there costs a tenth of the processor time that a disk takes, and tests make millions."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

PLACE = Path("/dev/shm")
ROOM = 2 * 1024**3
"""Bytes that must be free, so that a machine with little memory keeps to its disk."""
LONG_S = 3_600
NAME = re.compile(r"genie-tests-(\d+)-.+")


@contextmanager
def quick_folder(otherwise: Path) -> Generator[Path]:
    """Give an empty folder in memory that goes away at the end; where there is no room, the one on disk that is given."""
    if not _has_room():
        yield otherwise
        return
    _remove_strays()
    made = Path(tempfile.mkdtemp(prefix=f"genie-tests-{os.getpid()}-", dir=PLACE))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _has_room() -> bool:
    return PLACE.is_dir() and os.access(PLACE, os.W_OK) and shutil.disk_usage(PLACE).free >= ROOM


def _remove_strays() -> None:
    """Remove what tests left that were killed: memory comes back by no restart of theirs."""
    for place in PLACE.iterdir():
        name = NAME.fullmatch(place.name)
        # Of another container, to which the place belongs too, processes cannot be seen: what is new is left alone.
        if name is not None and not Path(f"/proc/{name[1]}").exists() and time.time() - place.stat().st_mtime > LONG_S:
            shutil.rmtree(place, ignore_errors=True)
