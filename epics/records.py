"""The base of every record that is checkpointed or goes over a wire."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen, closed record: unknown fields are refused and nothing changes after it was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")
