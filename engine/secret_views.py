"""What faces see of stored secrets: everything but their values."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from epics.records import Record


class SecretView(Record):
    """A stored secret."""

    name: str
    updated_at: datetime
    updated_by: str = Field(description="Who stored it last.")


class RotationView(Record):
    """What a rotation did."""

    master: str = Field(description="The name of the master key that everything depends on now; the key itself is in no answer.")
    resumed: bool = Field(description="Whether it carried one to its end that was cut off, and made no new data key.")
    texts: int = Field(description="How many texts were sealed anew.")
    unreadable: tuple[str, ...] = Field(default=(), description="Where texts stand that could not be opened, and were left.")


class Suspect(Record):
    """Where something stands that is a secret, or looks like one; never what it is."""

    table: str
    column: str
    row: str = Field(description="The key of the row.")
    what: str = Field(description="`known` for a secret of this installation, else the kind that it looks like.")
