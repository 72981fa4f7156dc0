"""Names of moments: what one may be, and from what a person types to the number of a moment."""

from __future__ import annotations

import re
from typing import Final

from db import naming
from db.connection import Pool
from epics.errors import InvalidInput, MomentNotFound

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LARGEST: Final = 2_147_483_647
"""Of the database's integers."""


def checked_name(given: str) -> str:
    """Return `given` if a moment can have it for a name.

    Raises:
        InvalidInput: if it cannot: a name is one word, and unlike a number.
    """
    if _NAME.fullmatch(given) is None or given.isdecimal():
        raise InvalidInput(
            f"{given[:80]!r} cannot be the name of a moment: begin with a letter or digit, go on with letters, digits, dots, dashes "
            "and underscores, all of them small, 64 at most, and not digits alone"
        )
    return given


def number_in(given: str) -> int | None:
    """The number of a moment that was typed, or None if something else was.

    Raises:
        MomentNotFound: if no moment can have a number so large.
    """
    if not (given.isascii() and given.isdecimal()):
        return None
    if len(given) > len(str(_LARGEST)) or int(given) > _LARGEST:
        raise MomentNotFound(f"there is no moment {given[:40]}: the number is too large")
    return int(given)


async def moment_number(pool: Pool, epic_id: str, given: str) -> int:
    """The number of the moment that a person means by its number or its name.

    A number is taken as it is, also where the epic has no such moment: some commands take 0 for the beginning.

    Raises:
        MomentNotFound: if no moment of the epic has that name.
    """
    number = number_in(given)
    if number is not None:
        return number
    found = await naming.moment_by_name(pool, epic_id, given) if _NAME.fullmatch(given) else None
    if found is None:
        raise no_such_name(epic_id, given)
    return found


def no_such_name(epic_id: str, given: str) -> MomentNotFound:
    """What is said where no moment of an epic has a name."""
    return MomentNotFound(f"epic {epic_id} has no moment named {given[:80]!r}: see `genie time history {epic_id}`")


async def mark(pool: Pool, epic_id: str, n: int, name: str | None, *, by: str) -> None:
    """Give a moment a name, which keeps it from retention, or take it away with None.

    Raises:
        InvalidInput: if it cannot be a name.
        MomentNotFound: if the epic has no such moment.
        Conflict: if another moment of the epic has the name.
        HistoryPruned: if nothing is left of the moment that a name could keep.
    """
    await naming.name_moment(pool, epic_id, n, None if name is None else checked_name(name), by=by)
