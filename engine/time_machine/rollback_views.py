"""What the faces show of a rollback: what it would change, and what came of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.history_views import FileStat, StateChange
from engine.views import AnyStep, EpicView
from epics.going_back import Level
from epics.records import Record


class OutsideDeed(Record):
    """Something that was done outside since the moment that is gone back to, and what becomes of it."""

    kind: str = Field(description="publish, pull_request, merge, or messages.")
    what: str
    undone: bool
    why: str = Field(description="How it is undone, or why it is not.")


class RollbackPlan(Record):
    """All that a rollback changes."""

    epic: str
    kind: Literal["rollback", "undo", "revert"]
    level: Level
    from_moment: int
    to_moment: int = Field(description="0 is where the epic began.")
    step: AnyStep = Field(description="Where the epic goes on.")
    ended: str | None = Field(description="The status that it has again, where it goes back to an end.")
    commit: str | None = Field(description="What the new branch begins at; none where that commit is made only when it is done.")
    files: tuple[FileStat, ...] | None = Field(description="The files that differ; null where the repository cannot be read.")
    state: tuple[StateChange, ...]
    approvals: tuple[str, ...] = Field(description="Approvals that are superseded.")
    outside: tuple[OutsideDeed, ...]


class RollbackView(Record):
    """A rollback that was planned, asked for, or done."""

    plan: RollbackPlan
    done: Literal["planned", "asked", "done"] = Field(description="`asked`: the worker that has the epic does it as soon as it can stop.")
    moment: int | None = Field(description="The moment that it made.")
    epic: EpicView
