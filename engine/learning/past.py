"""The past of an epic or a run as its rows tell it, and what of it is its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

from engine.learning.wording import short
from epics.knowledge import own_project
from epics.runs import is_run
from epics.steps import Step
from nodes.merge import MERGED

Row: TypeAlias = Mapping[str, Any]

_GOAL: Final = 200


@dataclass(frozen=True, kw_only=True)
class Past:
    """Rows as `db.learning.read_past` gives them; what a fork, a race or an import brought was taught where it was made."""

    epic: Row
    moments: Sequence[Row]
    attempts: Sequence[Row]
    analyses: Sequence[Row]
    decisions: Sequence[Row]
    sayings: Sequence[Row]

    @property
    def id(self) -> str:
        """Of the epic or run."""
        return str(self.epic["id"])

    @property
    def project(self) -> str:
        """Whose knowledge it adds to: its repository, or what belongs to the person who asked."""
        return str(self.epic["project"] or own_project(str(self.epic["requested_by"])))

    @property
    def about(self) -> str:
        """What it was all for: a line of each fact, since a later epic is searched for by its goal."""
        return f"Goal: {short(self.epic['goal'], _GOAL)}"

    @property
    def is_run(self) -> bool:
        """Whether it is a run."""
        return is_run(self.id)

    def is_own(self, attempt: int | None, moment: int | None = None) -> bool:
        """Whether an attempt, or where there is none a moment, was made by this epic."""
        if attempt is None:
            return moment is None or moment > self.epic["past_moment"]
        return attempt > self.epic["past_attempt"] and attempt not in self.epic["taken"]

    @cached_property
    def own_attempts(self) -> tuple[Row, ...]:
        """The attempts that were made by this epic and have ended, in order."""
        return tuple(row for row in self.attempts if self.is_own(row["n"]))

    @cached_property
    def merges(self) -> tuple[Row, ...]:
        """The moments of its own in which work got into the base branch."""
        done = (row for row in self.moments if row["step"] == Step.MERGE and row["outcome"] == "done")
        return tuple(row for row in done if row["note"].startswith(MERGED) and self.is_own(None, row["n"]))

    def revert_of(self, merge: Row) -> Row | None:
        """The moment in which somebody proposed what a merge brought in, if that took back what was merged before."""
        before = {row["n"] for row in self.merges}
        for row in self._lineage(merge):
            if row["n"] in before and row is not merge:
                return None
            if row["way_back"] == "revert":
                return row
        return None

    def led_to(self, moment: Row) -> tuple[Row, ...]:
        """The attempts that led to a moment and went well, in order; what was gone back from is not among them."""
        line = self._lineage(moment)
        found = {row["attempt"] for row in line}
        if any(row["outcome"] == "picked" for row in line):
            found |= set(self.epic["taken"])
        return tuple(row for row in self.attempts if row["n"] in found and row["result"]["ended_by"] == "done")

    def _lineage(self, moment: Row) -> list[Row]:
        by_number = {row["n"]: row for row in self.moments}
        line, here = list[Row](), by_number.get(moment["n"])
        while here is not None:
            line.append(here)
            here = by_number.get(here["parent"])
        return line
