"""What the faces show of keys, people and tokens."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from epics.records import Record
from epics.roles import Grant


class KeyView(Record):
    """One key; its secret is never shown again."""

    id: str
    prefix: str = Field(description="What the key begins with, behind gk_.")
    person: str = Field(description="Who asks with it.")
    name: str
    grants: tuple[Grant, ...] = Field(description="What it is worth at most; never more than its person is.")
    state: str = Field(description="live expired revoked")
    created_by: str
    created_at: datetime
    rotated_at: datetime | None
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")
    old_until: datetime | None = Field(description="How long the secret before the last rotation still holds.")
    revoked_at: datetime | None
    revoked_by: str | None


class NewKeyView(KeyView):
    """A key that was just made or rotated, with what its holder sends: this once."""

    key: str = Field(repr=False)


class IdentityView(Record):
    """What a channel knows a person by."""

    kind: str = Field(description="os slack jwt")
    value: str


class PersonView(Record):
    """One person, or one program that acts by itself."""

    name: str
    grants: tuple[Grant, ...]
    groups: tuple[str, ...]
    identities: tuple[IdentityView, ...]
    keys: int = Field(description="How many keys of this person hold.")
    created_at: datetime
    created_by: str


class NewToken(Record):
    """A token that was just signed: it is kept nowhere."""

    token: str = Field(repr=False)
    id: str = Field(description="By which it can be taken back.")
    person: str
    grants: tuple[Grant, ...]
    expires_at: datetime


class WhoView(Record):
    """Who asks."""

    person: str
    channel: str = Field(description="http; cli for a command on the database itself.")
    via: str = Field(description="The id of the key or token.")
    grants: tuple[Grant, ...]
    groups: tuple[str, ...]
