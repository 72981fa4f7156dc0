"""Reading small files of a work tree, whatever an agent put in their place."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

MOST_BYTES: Final = 1_000_000


def text_of(path: Path) -> str:
    """Return the text of a plain file, or nothing: of a pipe the end would never come, and of a device neither."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return ""
    with open(handle, "rb") as file:  # noqa: PTH123  (a file that is open already)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return ""
        return file.read(MOST_BYTES).decode("utf-8", errors="replace")
