"""Where the embedded server's socket can be: short enough for the kernel, and in nobody's hands but ours."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Final

from epics.errors import Environment

SOCKET: Final = ".s.PGSQL.5432"
#: The smallest limit among our systems: 104 bytes on macOS, 108 on Linux, the last one a zero.
LONGEST: Final = 103
#: PostgreSQL and libpq read commas, quotes and a leading @ in such a path as something else.
PLAIN: Final = re.compile(r"/[A-Za-z0-9_./+-]*")


def socket_directory(root: Path, runtime_dir: Path | None) -> Path:
    """Make the directory for the socket of the server under `root`: there if that can be, else in a short private one.

    The name of the private one comes from `root`, so that every process finds it and nothing piles up in the runtime directory.

    Raises:
        Environment: if no place is short enough and safe.
    """
    name = f"genie-{os.geteuid()}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:16]}"
    places = [root / "run"]
    places += [place / name for place in (runtime_dir, Path(tempfile.gettempdir()), Path("/tmp")) if place is not None]  # noqa: S108 - checked
    refused: list[str] = []
    for place in places:
        reason = _unfit(place) or _made_private(place)
        if reason is None:
            return place
        refused.append(f"{place}: {reason}")
    raise Environment(f"no directory can hold the embedded database's socket ({'; '.join(refused)}); set a shorter GENIE_HOME")


def is_private(directory: Path) -> bool:
    """Tell whether `directory` is a real directory of ours that nobody else may enter."""
    try:
        found = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077


def _unfit(place: Path) -> str | None:
    if len(os.fsencode(place / SOCKET)) > LONGEST:
        return "the path is too long"
    return None if PLAIN.fullmatch(str(place)) else "the path has characters that PostgreSQL cannot take"


def _made_private(place: Path) -> str | None:
    try:
        place.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        return error.strerror or str(error)
    return None if is_private(place) else "it is there already and is not a private directory of this user"
