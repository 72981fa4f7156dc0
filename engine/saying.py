"""What people say to the agent of an epic while it works, or before the next one begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from db.connection import Pool
from db.sayings import keep_saying, list_sayings, untold_sayings
from engine.views import SayingView
from epics.errors import InvalidInput
from executors.port import Said

LONGEST: Final = 10_000


async def say(pool: Pool, epic_id: str, text: str, *, by: str, channel: str) -> SayingView:
    """Keep what a person says; the agent at work is told with its next call, else the next one with its brief.

    Raises:
        EpicNotFound: if there is no such epic.
        InvalidInput: if there is nothing in it, too much, or what no text has.
        Conflict: if the epic has ended.
    """
    return SayingView.model_validate(await keep_saying(pool, epic_id, text=checked_saying(text), by=by, channel=channel))


async def sayings_of(pool: Pool, epic_id: str) -> tuple[SayingView, ...]:
    """All that was said to an epic, in order."""
    return tuple(SayingView.model_validate(row) for row in await list_sayings(pool, epic_id))


async def said_before(pool: Pool, epic_id: str) -> tuple[Said, ...]:
    """What no agent was told yet, in order."""
    return said_in(await untold_sayings(pool, epic_id))


def said_in(rows: Iterable[Mapping[str, Any]]) -> tuple[Said, ...]:
    """What executors are told, from its rows."""
    return tuple(Said(n=row["n"], text=row["text"], by=row["said_by"]) for row in rows)


def checked_saying(text: str) -> str:
    """What a person says, as it is, if an agent can be told.

    Raises:
        InvalidInput: if it cannot.
    """
    if not text.strip():
        message = "there is nothing to say: write what the agent should know"
        raise InvalidInput(message)
    if len(text) > LONGEST:
        message = f"that is {len(text):,} characters; at most {LONGEST:,} can be said at once: put the details in a file and name it"
        raise InvalidInput(message)
    strange = next((char for char in text if (ord(char) < ord(" ") and char not in "\n\r\t") or "\ud800" <= char <= "\udfff"), None)
    if strange is not None:
        message = f"what is said has a character that is no text ({strange!r}): remove it"
        raise InvalidInput(message)
    return text
