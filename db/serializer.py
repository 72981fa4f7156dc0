"""What may come out of a checkpoint: plain data, and the records of `epics/` by name; sealed, where the journal is."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from db.sealer import NoSealer, Sealer
from epics import approvals, state, steps, verdicts
from epics.records import Record

CHECKPOINTED: Final = tuple(
    (module.__name__, name)
    for module in (approvals, state, steps, verdicts)
    for name, thing in sorted(vars(module).items())
    if isinstance(thing, type) and issubclass(thing, Record | Enum) and thing.__module__ == module.__name__
)
"""Every type that a checkpoint may hold. Their module paths are stored data: a moved class would come back as a plain dict."""

SEALED: Final = "sealed:"
"""What the type of a sealed value begins with; the type that it has when it is open follows."""

CONTEXT: Final = "checkpoints"
"""What a value of a checkpoint is bound to. Not to its epic or channel: forks take values over, and a serializer is not told of either."""


class CheckpointSerializer(JsonPlusSerializer):
    """Strict msgpack: a type that is not on the list is refused, whatever the environment says."""

    def __init__(self, sealer: Sealer | None = None, allowed: Iterable[tuple[str, str]] | None = CHECKPOINTED) -> None:
        """Allow types and nothing else, and seal values if the sealer seals the journal; it must be ready then."""
        super().__init__(allowed_msgpack_modules=allowed)
        self._sealer = sealer or NoSealer()

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:  # whatever a checkpoint holds
        """The type of a value, and the value as it is kept."""
        kind, content = super().dumps_typed(obj)
        if not self._sealer.seals_journal or not content:
            return kind, content
        return f"{SEALED}{kind}", self._sealer.seal_bytes(content, CONTEXT).encode()

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """The value that was kept.

        Raises:
            SecretUnreadable: if it is sealed and the key for it is not here, or not yet.
        """
        kind, content = data
        if kind.startswith(SEALED):
            kind, content = kind.removeprefix(SEALED), self._sealer.open_bytes(bytes(content).decode(), CONTEXT)
        return super().loads_typed((kind, content))
