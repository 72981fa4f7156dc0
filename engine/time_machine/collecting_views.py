"""What collecting did, or would do."""

from __future__ import annotations

from pydantic import Field

from epics.records import Record


class Gone(Record):
    """What goes, of one kind."""

    kind: str
    count: int
    bytes: int = Field(description="Of commits and branches: what their objects take on the disk that nothing else needs.")
    why: str

    def plus(self, count: int, size: int) -> Gone:
        """The same kind, with more of it."""
        return self.model_copy(update={"count": self.count + count, "bytes": self.bytes + size})


class Stays(Record):
    """What was left alone though nothing names it, and why."""

    why: str
    count: int


class Collected(Record):
    """What collecting did, or would do."""

    applied: bool
    parts: tuple[Gone, ...]
    stays: tuple[Stays, ...]
    bytes_before: int = Field(description="What mirrors, work trees and the shelf of this home take.")
    bytes_after: int
    quota: int | None
