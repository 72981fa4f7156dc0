"""Waiting until this host has the memory that a container may take."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

from executors.port import Notes

MEMINFO: Final = Path("/proc/meminfo")

_AGAIN_S: Final = 1.0
_SHARE: Final = 0.9
"""How much of the host's memory all containers may take together."""


def why_not_now(wanted_mb: int, taken_mb: Iterable[int], *, meminfo: Path = MEMINFO) -> str:
    """Why a container is not to be started for want of memory; empty if it may be, or where the system does not say.

    Args:
        wanted_mb: what it may take.
        taken_mb: what each container of Genie's that runs on this host may take: it may not have taken it yet.
        meminfo: what the kernel says of the machine.
    """
    try:
        text = meminfo.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    total, free = (_mb(text, name) for name in ("MemTotal", "MemAvailable"))
    if total is None or free is None:
        return ""
    if free < wanted_mb:
        return f"{free} MiB of memory are free, and a container may take {wanted_mb} (GENIE_AGENT_MEMORY_MB)"
    promised = sum(taken_mb)
    if promised and promised + wanted_mb > total * _SHARE:
        return f"running containers may take {promised} of {total} MiB of memory, and one more {wanted_mb} (GENIE_AGENT_MEMORY_MB)"
    return ""


async def wait_for_memory(why: Callable[[], Awaitable[str]], notes: Notes) -> None:
    """Wait until `why` says nothing any more, and tell people once what is waited for."""
    told = False
    while reason := await why():
        if not told:
            told = True
            await notes.noted("container_waits", {"why": reason})
        await asyncio.sleep(_AGAIN_S)


def _mb(text: str, name: str) -> int | None:
    found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) // 1024 if found else None
