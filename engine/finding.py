"""Finding what somebody means by an id or the beginning of one, among what the caller may read: the rest is not there for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from db.connection import Pool
from db.epics import Row, fetch_all
from engine.readable import reader
from epics.agent_errors import AskNotFound
from epics.errors import ApprovalNotFound, EpicNotFound, InvalidInput, RunNotFound
from epics.runs import is_run

_WORD: Final = re.compile(r"[a-z]-[0-9a-z]*")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What an id stands for, and the repository that it belongs to."""

    id: str
    repo: str


async def found_epic(pool: Pool, given: str) -> Found:
    """The one epic that `given` is, or is the beginning of.

    Raises:
        EpicNotFound: if there is none.
        InvalidInput: if there are several.
    """
    found = _the_one(await _beginning_with(pool, "find_epics", given), given, "epic")
    if found is None:
        raise no_epic(given)
    return found


async def found_run(pool: Pool, given: str) -> Found:
    """The one run that `given` is, or is the beginning of.

    Raises:
        RunNotFound: if there is none.
        InvalidInput: if there are several.
    """
    found = _the_one(await _beginning_with(pool, "find_runs", given), given, "run") if is_run(given) else None
    if found is None:
        raise no_run(given)
    return found


async def found_approval(pool: Pool, given: str) -> Found:
    """The one approval that `given` is, or is the beginning of.

    Raises:
        ApprovalNotFound: if there is none.
        InvalidInput: if there are several.
    """
    found = _the_one(await _beginning_with(pool, "find_approvals", given), given, "approval")
    if found is None:
        message = f"there is no approval {given!r}: see `genie approval list`"
        raise ApprovalNotFound(message)
    return found


async def found_ask(pool: Pool, given: str) -> Found:
    """The one request that `given` is, or is the beginning of.

    Raises:
        AskNotFound: if there is none.
        InvalidInput: if there are several.
    """
    found = _the_one(await _beginning_with(pool, "find_asks", given), given, "request")
    if found is None:
        raise no_ask(given)
    return found


def no_ask(given: str) -> AskNotFound:
    """What is said where there is no such request."""
    return AskNotFound(f"there is no request {given!r}: see `genie asks list`")


def no_epic(given: str) -> EpicNotFound:
    """What is said where there is no such epic."""
    hint = f"that is a run, see `genie run show {given}`" if is_run(given) else "see `genie epic list`"
    return EpicNotFound(f"there is no epic {given!r}: {hint}")


def no_run(given: str) -> RunNotFound:
    """What is said where there is no such run."""
    return RunNotFound(f"there is no run {given!r}: see `genie run list`")


async def _beginning_with(pool: Pool, query: str, given: str) -> list[Row]:
    return await fetch_all(pool, query, {"prefix": given, **reader()}) if _WORD.fullmatch(given) else []


def _the_one(rows: list[Row], given: str, kind: str) -> Found | None:
    exact = [row for row in rows if row["id"] == given]
    if len(rows) > 1 and not exact:
        message = f"{given!r} begins more than one {kind}: {', '.join(row['id'] for row in rows)}"
        raise InvalidInput(message)
    return next((Found(id=row["id"], repo=row["repo"]) for row in exact or rows), None)
