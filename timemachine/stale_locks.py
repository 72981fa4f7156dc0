"""Lock files that a killed git left behind: set aside, so that the next git is not refused for ever."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from timemachine.git import Completed, Git

# Git holds the lock of a ref for milliseconds. A stopped process could hold it longer; its update then fails, and it is told so.
STALE_S = 5.0
PAUSE_S = 0.1
IN_THE_WAY = re.compile(r"Unable to create '(.+?\.lock)': File exists")


async def update_ref(git: Git, mirror_path: Path, *args: str, stale_s: float = STALE_S) -> Completed:
    """Run `git update-ref`; a lock in its way is waited for, and set aside when it is older than any update takes.

    Args:
        git: git in the mirror.
        mirror_path: where the mirror is.
        args: what follows `update-ref`.
        stale_s: from what age on, in seconds, a lock belongs to nobody.
    """
    while True:
        done = await git.call("update-ref", *args)
        found = IN_THE_WAY.search(done.errors) if done.code else None
        if found is None:
            return done
        lock = Path(found[1])
        if _age(lock) > stale_s:
            set_aside_locks(mirror_path, (lock,))
        else:
            await asyncio.sleep(PAUSE_S)


def set_aside_locks(mirror_path: Path, locks: Iterable[Path]) -> None:
    """Move lock files to the mirror's `set-aside` directory."""
    home = mirror_path / "set-aside"
    for lock in locks:
        home.mkdir(exist_ok=True)
        # Whoever held it may take it away at this moment.
        with suppress(FileNotFoundError):
            lock.rename(home / f"{lock.name}.{time.time_ns()}")


def locks_below(folder: Path) -> Iterator[Path]:
    """Yield the lock files in a folder and all below it."""
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names if name.endswith(".lock"))


def _age(lock: Path) -> float:
    try:
        return time.time() - lock.stat().st_mtime
    except FileNotFoundError:
        return 0.0
