"""What the faces show of requests."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import Field

from engine.views import Money
from epics.asks import PART_ENDED, AskStatus, PartStatus, Score, Skipped
from epics.records import Record


class PartView(Record):
    """One part of a request, who does it, and why."""

    n: int
    text: str
    needs: tuple[int, ...] = Field(description="The parts that must have ended before; their answers are told to it.")
    status: PartStatus
    agent: str | None = Field(
        description="Who does it: an agent, a workflow, or epic for all of the way to a merge; null until it is chosen."
    )
    why: str = Field(description="Why that one, or why a person has to say.")
    work: str | None = Field(description="The run or the epic that does it.")
    work_status: str | None = Field(description="Where that is.")
    waiting_on: str | None = Field(default=None, description="The approval that its epic waits for.")
    answer: str
    error: str = Field(description="Why it failed or was not begun, or what it waits for.")
    cost_usd: Money
    scores: tuple[Score, ...] = Field(description="Who could do it, the best first.")
    skipped: tuple[Skipped, ...] = Field(description="Who could not, and why.")


class Reset(Record):
    """An agent that is used again."""

    agent: str
    was_left_out: bool = Field(description="Whether anything was against it.")


class AskView(Record):
    """A request in free words, and what became of it."""

    id: str
    text: str
    repo: str = Field(description="Empty for what needs none.")
    base: str | None
    status: AskStatus
    split_by: str = Field(description="rules model nobody: who split it into parts.")
    note: str = Field(description="What there is to say about that, such as why the model was not asked.")
    parts: tuple[PartView, ...]
    answer: str = Field(description="What came of all parts, in their order; empty until it has ended.")
    budget_usd: Money | None
    cost_usd: Money
    split_usd: Money = Field(description="What of that the model cost that was asked to split it.")
    asked_by: str
    labels: dict[str, str]
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None


_FOR_A_PERSON: Final = frozenset({"waiting", "paused"})


def stands_still(ask: AskView) -> bool:
    """Whether nothing of a request goes on by itself: it has ended, needs a choice, or all that is left of it waits for a person."""
    if ask.status is not AskStatus.RUNNING:
        return True
    ended = {part.n for part in ask.parts if part.status in PART_ENDED}
    can_go_on = any(
        part.work_status not in _FOR_A_PERSON if part.status is PartStatus.STARTED else ended.issuperset(part.needs)
        for part in ask.parts
        if part.n not in ended
    )
    return not can_go_on and len(ended) < len(ask.parts)
