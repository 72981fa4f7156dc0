"""Whether this machine has room for one more epic."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

MEMINFO: Final = Path("/proc/meminfo")
CGROUP: Final = Path("/sys/fs/cgroup")
_AVAILABLE: Final = re.compile(r"^MemAvailable:\s+(\d+) kB$", re.MULTILINE)
_MIB: Final = 1024 * 1024


def why_no_room(min_free_mb: int, *, meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> str:
    """Why no epic is to be begun for want of memory; empty if one may be, or where the system does not say.

    Args:
        min_free_mb: free memory that there must be, in MiB.
        meminfo: what the kernel says of the machine.
        cgroup: the limits of the container that this may be.
    """
    free = min((each for each in (_of_machine(meminfo), _of_container(cgroup)) if each is not None), default=None)
    if free is None or free >= min_free_mb:
        return ""
    return f"{free} MiB of memory are free, and GENIE_MIN_FREE_MB asks for {min_free_mb}"


def _of_machine(meminfo: Path) -> int | None:
    try:
        found = _AVAILABLE.search(meminfo.read_text(encoding="ascii", errors="replace"))
    except OSError:
        return None
    return int(found[1]) // 1024 if found else None


def _of_container(cgroup: Path) -> int | None:
    try:
        most = (cgroup / "memory.max").read_text(encoding="ascii").strip()
        used = int((cgroup / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return (int(most) - used) // _MIB if most.isdecimal() else None
