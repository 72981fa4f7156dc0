"""The audit as faces show it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pydantic import Field

from epics.audit import Anchor, AuditRow
from epics.records import Record


class AuditView(Record):
    """Who did what, when and from where."""

    n: int = Field(description="Its number; they have no gaps.")
    at: datetime
    person: str
    channel: str = Field(description="cli, http, slack, hook, mcp or auto.")
    via: str = Field(description="What the person was known by: a key, a token, a user of Slack or of the system.")
    address: str
    deed: str
    kind: str = Field(description="What kind of thing it was done to.")
    subject: str = Field(description="Which one.")
    epic: str | None
    repo: str | None
    content_hash: str | None = Field(description="What was decided about: that of the approval.")
    answer: str = Field(description="What came of it: the choice of a decision, `asked` if a worker does it later, why it was refused.")
    refused: bool
    data: dict[str, Any]
    hash: str

    @classmethod
    def of(cls, row: AuditRow) -> AuditView:
        """A row for reading."""
        told = row.model_dump(exclude={"previous"})
        named = {name: told[name] or None for name in ("epic", "repo", "content_hash")}
        return cls.model_validate({**told, **named, "data": _data(row.data)})


class AuditCheck(Record):
    """What a check of the chain found: that it holds."""

    rows: int
    first: int | None = Field(description="The number of the first row; a part of the audit begins later than 1.")
    anchor: str | None = Field(description="The last row, as NUMBER:HASH. Kept elsewhere, it shows if all before it was written anew.")

    @classmethod
    def up_to(cls, rows: int, first: int | None, end: Anchor | None) -> AuditCheck:
        """So many rows that hold together, up to this one."""
        return cls(rows=rows, first=first, anchor=None if end is None else str(end))


def _data(text: str) -> dict[str, Any]:
    """What the text says; a row that somebody changed by hand can hold anything, and is shown all the same."""
    try:
        found = json.loads(text)
    except ValueError:
        return {"unreadable": text[:1_000]}
    return found if isinstance(found, dict) else {"unreadable": text[:1_000]}
