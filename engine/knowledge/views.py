"""What the faces show of knowledge beside facts."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from epics.knowledge import Counts, Group
from epics.records import Record


class QueuedEpisode(Record):
    """An episode that is not stored."""

    id: int
    project: str
    key: str
    group: Group
    title: str
    state: str = Field(description="queued, or dead: given up until somebody has it tried again.")
    tries: int
    problem: str | None = Field(description="Why it could not be stored last.")
    queued_at: datetime
    next_try_at: datetime | None


class KnowledgeStats(Record):
    """How much is known, and how much waits to be."""

    store: str = Field(description="postgresql, graphiti or off.")
    known: Counts
    episodes: dict[str, int] = Field(description="How many were told, by what became of them: queued, stored, dead, refused.")
    without_vectors: str | None = Field(default=None, description="Why nothing is searched by meaning; null where it is.")


class Forgotten(Record):
    """What was forgotten."""

    facts: int
    episodes: int = Field(description="How many that were told will not be stored again.")


class Retried(Record):
    """What is tried again."""

    queued: int = Field(description="Episodes that are tried now.")


class Rebuilt(Record):
    """What a rebuild began."""

    before: Counts = Field(description="What the store had.")
    queued: int = Field(description="Episodes that are being stored again.")


class EpisodeTaken(Record):
    """What became of something that was told."""

    key: str
    is_new: bool = Field(description="False if it was told before by that key.")
