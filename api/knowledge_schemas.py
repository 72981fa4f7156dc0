"""What clients send about knowledge."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from api.schemas import Body, Text
from epics.knowledge import Group, NewFact

RepoText = Annotated[Text, Field(min_length=1, max_length=4_096, description="A git URL, or an absolute path on the server.")]


class EpisodeCreate(Body):
    """Something that a person wants to be known."""

    repo: RepoText
    group: Group = Group.CONTEXT
    title: Annotated[Text, Field(min_length=1, max_length=200)]
    text: Annotated[Text, Field(min_length=1, max_length=100_000)]
    facts: tuple[NewFact, ...] = Field(default=(), max_length=200, description="What it says, sentence by sentence; else the text is one.")
    key: Annotated[Text, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="What makes it the same episode when it is sent again; made of the text if it is left out."
    )
    happened_at: AwareDatetime | None = None


class OfRepository(Body):
    """Which repository it is about."""

    repo: RepoText | None = Field(default=None, description="Only what is known of this repository; default: everything.")
