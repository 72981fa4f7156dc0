"""Reading checkpoints that an older release wrote: their state is brought to the present form before anybody sees it."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg.rows import DictRow

from db.connection import Pool
from db.serializer import CheckpointSerializer
from epics.access_errors import SecretUnreadable
from epics.state import EpicState
from epics.upgrades import THIS_RELEASE, Release

STATE_VERSION: Final = "state_version"
"""Where the metadata of a checkpoint tells the version of its state; the first version had no such entry."""


class UpgradingSaver(AsyncPostgresSaver):
    """LangGraph's saver, which reads states of older versions too."""

    def __init__(self, pool: Pool, release: Release = THIS_RELEASE) -> None:
        """Bind to a pool and to what this release can read."""
        super().__init__(pool, serde=CheckpointSerializer(pool.sealer))
        self._release = release
        # Knows none of our types, so that each comes as the plain fields that it was written with.
        self._plain = AsyncPostgresSaver(pool, serde=CheckpointSerializer(pool.sealer, None))
        self._sealer = pool.sealer
        self._bumped: dict[str, Any] = {}
        """Channels whose upgraded values are in no checkpoint yet, each with the version that it will be stored under."""

    async def _load_checkpoint_tuple(self, value: DictRow) -> CheckpointTuple:
        try:
            return await self._loaded(value)
        except SecretUnreadable:
            # Nothing was opened yet in this process, or another one has made a data key since.
            await self._sealer.refresh()
            return await self._loaded(value)

    async def _loaded(self, value: DictRow) -> CheckpointTuple:
        written = value["metadata"].get(STATE_VERSION, 1)
        if written == self._release.state:
            return await super()._load_checkpoint_tuple(value)
        with _quiet():
            loaded = await self._plain._load_checkpoint_tuple(value)  # noqa: SLF001  # of our own base class
        return loaded._replace(checkpoint={**loaded.checkpoint, **self._upgraded(loaded, written)})

    def _upgraded(self, loaded: CheckpointTuple, written: int) -> Any:
        values, versions = loaded.checkpoint["channel_values"], loaded.checkpoint["channel_versions"]
        others = {name: value for name, value in values.items() if name.startswith("__") or ":" in name}
        old = {name: value for name, value in values.items() if name not in others}
        state = EpicState.model_validate(self._release.upgraded(old, written))
        fields = {name: getattr(state, name) for name in state.model_fields_set}
        # The next checkpoint stores only channels that have a new version, and a stored value is never written over.
        self._bumped = {name: self.get_next_version(versions.get(name), None) for name in fields}  # type: ignore[arg-type]
        return {"channel_values": {**others, **fields}, "channel_versions": {**versions, **self._bumped}}


@contextmanager
def _quiet() -> Generator[None]:
    """Say nothing of types that are not rebuilt: here that is what is wanted."""
    log = logging.getLogger("langgraph.checkpoint.serde.jsonplus")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before
