"""What the faces show of sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from epics.records import Record


class SessionView(Record):
    """A conversation with an agent."""

    id: str
    agent: str
    name: str | None
    repo: str = Field(description="The repository that it is about; empty for none: then it is its person's own.")
    person: str
    status: str = Field(description="open closed")
    busy_with: str | None = Field(description="The run that has not ended, if one has not; the next one can be started after it.")
    messages: int
    runs: int
    created_at: datetime
    updated_at: datetime


class MessageView(Record):
    """One message of a conversation, as the provider has it."""

    n: int = Field(description="Its place in the session, from 1.")
    run: str | None = Field(description="The run in which it was said.")
    ask: int = Field(description="Which call of that run's agent to its model it belongs to.")
    kind: str = Field(description="request response")
    message: dict[str, Any]
    tokens: int = Field(description="About how many tokens it has, as they count for what is told again.")
    created_at: datetime
