"""How it stands with Slack, as faces show it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from epics.records import Record


class ChannelView(Record):
    """A channel, and the repository that it is about."""

    channel: str
    repo: str
    base: str | None
    mapped_by: str
    mapped_at: datetime

    @property
    def is_pattern(self) -> bool:
        """Whether it is about several repositories: epics of all of them are shown there, and none can be started without a name."""
        return "*" in self.repo


class TroubledThread(Record):
    """A thread that could not be shown."""

    epic: str
    channel: str | None
    problem: str
    tries: int
    next_at: datetime


class SlackStatus(Record):
    """The workspace, and what waits to be shown there."""

    team: str | None = Field(description="Null while no server has been in a workspace.")
    bot_user: str | None
    default_channel: str | None
    posted: int
    waiting: int = Field(description="Threads that are out of date.")
    oldest_s: float | None = Field(description="For how long the first of them has been.")
    given_up: int = Field(description="Messages that somebody deleted, or that Slack refuses.")
    failures: int = Field(description="How often in a row Slack has not answered.")
    troubled: tuple[TroubledThread, ...]


class SlackCheck(Record):
    """One thing that was looked at, and the way out if it is wrong."""

    name: str
    state: Literal["ok", "note", "failed"]
    seen: str
    way_out: str = ""
