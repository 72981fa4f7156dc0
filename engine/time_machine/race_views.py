"""What the faces show of a race."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from engine.views import AnyStep, EpicView, Money
from epics.races import Score
from epics.records import Record


class RaceEntry(Record):
    """One of the attempts that run side by side."""

    k: int
    fork: str = Field(description="The epic in which it is done; a fork of the one that the race is for.")
    status: str | None = Field(description="Of that epic; null as long as it is not made.")
    step: AnyStep | None
    branch: str | None
    head: str | None
    problem: str | None = Field(description="Why it is paused, if it is.")
    guidance: str = Field(description="What it was told beside the plan.")
    cost_usd: Money = Field(description="What it cost, with what is reserved; limits count it.")
    score: Score | None = Field(description="Null until all entries have come to rest.")
    rank: int | None = Field(description="1 is the best.")
    why: tuple[str, ...] = Field(default=(), description="The score in a line for each thing that counts, in their order.")
    picked: bool = False


class Race(Record):
    """The first implement of an epic, done several times side by side."""

    epic: str
    attempts: int
    state: str = Field(description="planned running picked called_off")
    rule: str = Field(description="auto: the best is picked by its score, if it passed; ask: a person picks.")
    moment: int | None = Field(description="The moment that the entries are forks of.")
    share_usd: Money | None = Field(description="What each entry may cost; null where the epic has no limit.")
    attempts_cost_usd: Money = Field(description="What all entries cost together; it counts against the limit of the epic.")
    at_work: bool = Field(description="Whether it goes on without a person: entries work, or the race is looked after.")
    problem: str | None = Field(description="What keeps it from going on, if anything does.")
    winner: str | None
    picked_moment: int | None = Field(description="The moment that the epic made of it.")
    picked_by: str | None
    picked_at: datetime | None
    why: str | None = Field(description="Why it was picked, or called off.")
    entries: tuple[RaceEntry, ...]


class Picked(Record):
    """An entry that was picked, and the epic that has its work now."""

    race: Race
    epic: EpicView
