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
