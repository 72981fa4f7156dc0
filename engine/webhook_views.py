"""What the faces show of webhooks and their messages."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from epics.records import Record


class WebhookView(Record):
    """One endpoint; its secret is never shown again."""

    name: str
    url: str
    events: tuple[str, ...] = Field(description="Types of events; empty for all.")
    allow_private: bool
    created_at: datetime
    last_delivered_at: datetime | None
    pending: int
    dead: int = Field(description="Messages that were given up, and can be sent again.")
    problem: str | None = Field(description="What the newest message met that did not arrive yet.")


class NewWebhook(WebhookView):
    """An endpoint that was just added, with the secret if Genie made it: this once."""

    secret: str | None


class MessageView(Record):
    """One message to one endpoint."""

    id: int
    webhook: str
    epic: str
    event: int
    type: str
    status: str = Field(description="pending delivered dead")
    tries: int
    answer: int | None = Field(description="The HTTP status of the last answer.")
    problem: str | None
    created_at: datetime
    next_try_at: datetime | None
    delivered_at: datetime | None
    dead_at: datetime | None


class Tried(Record):
    """What became of a ping."""

    webhook: str
    id: str
    delivered: bool
    answer: int | None
    problem: str
    body: str = Field(description="The beginning of what was answered.")
    seconds: float
