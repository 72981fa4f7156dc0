"""Answers of git that never change: what it says of objects that are named by their full ids."""

from __future__ import annotations

from typing import Final

from timemachine.git import Git

# An attempt asks the same of the same commits again and again, and each time is a process.
MOST: Final = 512
MOST_BYTES: Final = 65_536
_known: Final[dict[tuple[str, ...], bytes]] = {}


async def lasting(git: Git, *args: str) -> bytes:
    """Return the output of `git <args>`, asked once for each repository.

    Args:
        git: where to ask.
        args: a command that only reads, and whose answer depends on nothing but the objects whose full ids are in it.

    Raises:
        GitFailed: if it ends with another code than 0; the next call asks again.
    """
    # A work tree has a GIT_DIR of its own, and its objects are those of the mirror.
    place = git.variables.get("GIT_COMMON_DIR") or git.variables.get("GIT_DIR") or str(git.directory)
    key = (place, *args)
    known = _known.get(key)
    if known is not None:
        return known
    output = await git.run_bytes(*args)
    if len(output) <= MOST_BYTES:
        _known[key] = output
        if len(_known) > MOST:
            # The oldest goes: a dict keeps the order in which it was filled.
            _known.pop(next(iter(_known)), None)
    return output
