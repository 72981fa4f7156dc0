"""What may come out of a checkpoint: plain data, and the records of `epics/` by name."""

from __future__ import annotations

from enum import Enum
from typing import Final

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from epics import approvals, state, steps, verdicts
from epics.records import Record

CHECKPOINTED: Final = tuple(
    (module.__name__, name)
    for module in (approvals, state, steps, verdicts)
    for name, thing in sorted(vars(module).items())
    if isinstance(thing, type) and issubclass(thing, Record | Enum) and thing.__module__ == module.__name__
)
"""Every type that a checkpoint may hold. Their module paths are stored data: a moved class would come back as a plain dict."""


class CheckpointSerializer(JsonPlusSerializer):
    """Strict msgpack: a type that is not on the list is refused, whatever the environment says."""

    def __init__(self) -> None:
        """Allow the checkpointed types and nothing else."""
        super().__init__(allowed_msgpack_modules=CHECKPOINTED)
