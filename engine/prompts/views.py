"""What the faces show of prompts and of the values that fill them in."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from epics.records import Record


class PromptView(Record):
    """One version of what an agent is told first."""

    agent: str
    status_key: str
    version: int
    text: str
    variables: dict[str, str] = Field(description="Values for variables that no memory gives.")
    names: tuple[str, ...] = Field(description="The variables that it names.")
    own: bool = Field(description="Whether it stands in the agent's own code.")
    active: bool
    author: str
    created_at: datetime


class MemoryView(Record):
    """A named value, for the variables of prompts."""

    scope: str = Field(description="session agent project installation; the first that has a name gives its value.")
    owner: str = Field(description="The id of the session, the name of the agent, the repository; empty for the installation.")
    name: str
    value: str
    updated_by: str
    updated_at: datetime
