"""Requests in free words: what becomes of one and of its parts, and why who does what."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from pydantic import Field

from epics.records import Record

KIND: Final = "q"
"""The letter with which the id of a request begins."""

EPIC: Final = "epic"
"""The one candidate that is no agent: the whole way from a plan to a merge."""


class AskStatus(StrEnum):
    """Where a request is; stored data."""

    NEEDS_CHOICE = "needs_choice"
    """A person is to say who does a part; nothing of it has begun."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """A part of it failed, whatever came of the others."""
    CANCELLED = "cancelled"


class PartStatus(StrEnum):
    """Where a part of a request is; stored data."""

    NEEDS_CHOICE = "needs_choice"
    WAITING = "waiting"
    """It is known who does it, and it is not begun."""
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Something that it needs failed, so it was not begun."""
    CANCELLED = "cancelled"


ASK_ENDED: Final = frozenset({AskStatus.DONE, AskStatus.FAILED, AskStatus.CANCELLED})
PART_ENDED: Final = frozenset({PartStatus.DONE, PartStatus.FAILED, PartStatus.SKIPPED, PartStatus.CANCELLED})


class Score(Record):
    """How well somebody fits a part, and of what that is made."""

    agent: str
    score: float = Field(description="likeness + outcomes + load.")
    likeness: float = Field(description="How much of what is asked its declared skills say, from 0 to 1.")
    outcomes: float = Field(description="What its past runs on this repository add or take.")
    load: float = Field(description="What is taken for runs that are queued or at work.")
    words: tuple[str, ...] = Field(default=(), description="The words, without their endings, that its skills have as well.")
    done: int = 0
    failed: int = 0
    busy: int = 0


class Skipped(Record):
    """Somebody who could not be chosen."""

    agent: str
    why: str


class Matched(Record):
    """Who is to do a part."""

    choice: str | None = Field(description="Null where a person has to say.")
    why: str
    scores: tuple[Score, ...] = Field(default=(), description="The best first.")
    skipped: tuple[Skipped, ...] = ()
