"""What is known of a project: episodes that were told, the facts they hold, the entities these are about, and since when they hold."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from epics.records import Record


class Group(StrEnum):
    """The shelves of a project's knowledge; stored data, and nothing is ever found on another shelf than it was put on."""

    PATTERNS = "genie_patterns"
    """What worked: how a task was solved, and what it took."""
    DECISIONS = "genie_decisions"
    """What was decided and why: records of architecture, and what people decided at gates."""
    PROCEDURES = "genie_procedures"
    """How things are done here: commands of tests and setup, conventions."""
    LEARNING = "genie_learning"
    """What failed, why, and what prevents it."""
    CONTEXT = "genie_context"
    """What people said: guidance, comments, and what agents were told to remember."""


ALL_GROUPS: Final = tuple(Group)

Key = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Statement = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]
Body = Annotated[str, StringConstraints(min_length=1, max_length=100_000)]
Project = Annotated[str, StringConstraints(min_length=1, max_length=4_096)]
"""A repository as `epics.repo` names it, or what is one person's own (`own_project`)."""

_OWN: Final = "person:"


def own_project(person: str) -> str:
    """The project of what a person's runs on no repository taught."""
    return f"{_OWN}{person}"


def owner_of(project: str) -> str | None:
    """The person whose own a project is; None for a repository."""
    return project.removeprefix(_OWN) if project.startswith(_OWN) else None


class Source(Record):
    """Where knowledge comes from."""

    kind: Literal["epic", "run", "session", "person", "import"]
    id: str = Field(max_length=200, description="The id of that: an epic, a run, a session, a person.")
    attempt: int | None = None
    moment: int | None = None
    by: str = Field(default="", max_length=200, description="Who said it, where a person did.")


class NewFact(Record):
    """One fact as an episode tells it: a sentence, and where it can be told the two entities that it relates."""

    text: Statement
    subject: Name | None = None
    relation: Name | None = None
    object: Name | None = None
    valid_from: AwareDatetime | None = Field(default=None, description="Since when it holds in the world; the episode's time if None.")
    valid_to: AwareDatetime | None = Field(default=None, description="Until when it held; None while it does.")
    replaces: bool = Field(
        default=False,
        description="Whether it ends what was known before of the same subject and relation in the same group of the project.",
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.relation is not None or self.replaces) and self.subject is None:
            message = "a fact with a relation, or that replaces another, names its subject"
            raise ValueError(message)
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            message = "valid_to must come after valid_from"
            raise ValueError(message)
        return self


class Episode(Record):
    """Something that happened and is worth knowing later: stored at most once by its key."""

    key: Key = Field(description="Made of what it tells of, such as `attempt:e-0123456789:3:learning`; the same key is the same episode.")
    project: Project
    group: Group
    title: Name
    body: Body
    happened_at: AwareDatetime
    source: Source
    facts: tuple[NewFact, ...] = Field(
        default=(), max_length=200, description="What it says; the body as a whole is one fact if there is none."
    )


class Entity(Record):
    """What facts are about: a file, a command, a library, a person, an agent."""

    name: str
    project: str
    group: Group
    facts: int = Field(description="How many facts name it.")


class Fact(Record):
    """One thing that is known, with its provenance and its times."""

    id: str
    project: str
    group: Group
    text: str
    subject: str | None = None
    relation: str | None = None
    object: str | None = None
    valid_from: datetime
    valid_to: datetime | None = None
    recorded_at: datetime = Field(description="Since when Genie knows it.")
    ended_at: datetime | None = Field(default=None, description="Since when Genie knows that it holds no more.")
    episode: str = Field(description="The key of the episode that told it.")
    title: str
    source: Source


class Found(Record):
    """A fact that a search found."""

    fact: Fact
    score: float = Field(description="The sum of 1 / (60 + rank) over the ways in which it was found; higher is better.")
    ways: dict[str, int] = Field(description="Its rank, from 1, in each way of searching that found it: text, vector, neighbours.")


class Counts(Record):
    """How much is known."""

    episodes: int = 0
    facts: int = 0
    entities: int = 0
