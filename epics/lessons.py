"""Lessons: what is told of an earlier failure to whoever works on the same repository after it."""

from __future__ import annotations

from pydantic import Field

from epics.records import Record


class Worked(Record):
    """The success that came next after a failure."""

    step: str
    attempt: int
    said: str = Field(default="", description="What the agents said who did the work after the failure.")
    changed: tuple[str, ...] = Field(default=(), description="What differed in how its attempt was set up, one line each.")


class Lesson(Record):
    """One failure of the past, in the words that a brief quotes."""

    epic: str
    moment: int
    attempt: int | None
    step: str
    type: str
    cause: str
    prevention: str
    evidence: str = ""
    worked: Worked | None = None
    seen: str = Field(description="The day of the analysis, as YYYY-MM-DD.")

    @property
    def text(self) -> str:
        """All of it as one text, for quoting."""
        lines = [f"Cause: {self.cause}", f"Prevention: {self.prevention}"]
        if self.evidence:
            lines.append(f"Evidence: {self.evidence}")
        if self.worked:
            said = f": {self.worked.said}" if self.worked.said else ""
            lines.append(f"What worked then ({self.worked.step}, attempt {self.worked.attempt}){said}")
            lines.extend(f"Set up differently: {change}" for change in self.worked.changed)
        return "\n".join(lines)
