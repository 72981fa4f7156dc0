"""The fenced saver: LangGraph's PostgreSQL saver, with the lease asserted and the projection written in each checkpoint's transaction."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

import langgraph.checkpoint.base.id as checkpoint_clock
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_serializable_checkpoint_metadata,
)
from psycopg import AsyncCursor
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from db.connection import Pool
from db.failures import foreseen
from db.leases import Lease
from db.queries import QUERIES
from db.storable import jsonb
from db.upgrading import STATE_VERSION, UpgradingSaver
from epics.errors import LeaseLost
from epics.upgrades import THIS_RELEASE, Release

Projector = Callable[[str, str, Mapping[str, Any], CheckpointMetadata], Mapping[str, Any] | None]
"""From thread, checkpoint id, channel values and metadata to what `project_checkpoint()` takes, or None for no rows."""

Write = tuple[Any, ...]

# Channels of LangGraph's own (interrupts, errors, resumes) begin so; their writes must be durable at once.
_RESERVED: Final = "__"

# Where LangGraph keeps the newest time that it made an id of; it has no other way in.
_CLOCK: Final = "_last_v6_timestamp"

# The order in which the stock saver dumps a blob and a write; the first columns are the thread's and the namespace's.
_BLOB_COLUMNS: Final = (None, None, "blob_channels", "blob_versions", "blob_types", "blob_values")
_WRITE_COLUMNS: Final = (
    *(None, None, "write_checkpoints", "write_tasks", "write_paths"),
    *("write_places", "write_channels", "write_types", "write_values"),
)


class FencedSaver(UpgradingSaver):
    """Saves checkpoints of the one thread whose lease it was given; build a new one for each run, and after an error.

    Each write asserts the lease's epoch and token in its own transaction (durability rule 1), and the rows that the checkpoint makes true
    are written in that same transaction, or neither is.

    Folded, the writes of a finished task wait for the checkpoint that follows and share its transaction: one commit per step instead
    of two. That is right only for a graph with one task per superstep (durability rule 6), so it is off unless asked for.
    """

    def __init__(
        self,
        pool: Pool,
        lease: Lease,
        *,
        project: Projector | None = None,
        folded: bool = False,
        release: Release = THIS_RELEASE,
        after: str | None = None,
    ) -> None:
        """Bind the saver to a lease.

        Args:
            pool: connections in autocommit; shared with other savers.
            lease: what every write asserts.
            project: makes the rows of a checkpoint from its state.
            folded: hold the writes of a task back until its checkpoint.
            release: what can be read, and what is written.
            after: another thread whose checkpoints come before those that are written here.
        """
        super().__init__(pool, release)
        self._after = after
        self._pool = pool
        self._project = project
        self._folded = folded
        self._held: list[Write] = []
        self._clock_seeded = False
        self._leases = {lease.thread_id: lease}

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that `config` names, or the newest; also sets the checkpoint clock."""
        if not self._clock_seeded:
            await self._seed_clock(config.get("configurable", {})["thread_id"])
        with foreseen():
            return await super().aget_tuple(config)

    async def aput(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: ChannelVersions
    ) -> RunnableConfig:
        """Write a checkpoint, the writes that were held back for it, and the rows that it makes true: all or nothing.

        Raises:
            LeaseLost: if another worker has taken over.
        """
        await self._ready_to_seal()
        configurable = config.get("configurable", {})
        thread, namespace = configurable["thread_id"], configurable.get("checkpoint_ns", "")
        inline: dict[str, Any] = {}
        blobs: dict[str, Any] = {}
        for channel, value in checkpoint["channel_values"].items():
            (inline if value is None or isinstance(value, str | int | float | bool) else blobs)[channel] = value
        # What was upgraded when it was loaded is written whole, once, in the form of now.
        upgraded = {channel: version for channel, version in self._bumped.items() if checkpoint["channel_versions"].get(channel) == version}
        changed = {channel: version for channel, version in {**upgraded, **new_versions}.items() if channel in blobs}
        rows = self._project(thread, checkpoint["id"], checkpoint["channel_values"], metadata) if self._project else None
        held, self._held = self._held, []
        values = {
            **_fence(await self._lease_of(thread)),
            "ns": namespace,
            "id": checkpoint["id"],
            "parent": configurable.get("checkpoint_id"),
            "checkpoint": Jsonb({**checkpoint, "channel_values": inline}),
            "metadata": Jsonb({**get_serializable_checkpoint_metadata(config, metadata), STATE_VERSION: self._release.state}),
            **_columns(_BLOB_COLUMNS, self._dump_blobs(thread, namespace, blobs, changed)),
            **_columns(_WRITE_COLUMNS, held),
            "rows": None if rows is None else jsonb(self._pool.clean(rows)),
        }
        with foreseen():
            async with self._pool.connection() as connection:
                await connection.execute(QUERIES["put_checkpoint"], values, binary=True)
        self._bumped = {}
        self._pool.announcer.announce(thread)
        return {"configurable": {"thread_id": thread, "checkpoint_ns": namespace, "checkpoint_id": checkpoint["id"]}}

    async def aput_writes(self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = "") -> None:
        """Write what a task put on its channels, or hold it back for the next checkpoint.

        Raises:
            LeaseLost: if another worker has taken over.
        """
        await self._ready_to_seal()
        configurable = config.get("configurable", {})
        thread, namespace = configurable["thread_id"], configurable.get("checkpoint_ns", "")
        rows = self._dump_writes(thread, namespace, configurable["checkpoint_id"], task_id, task_path, writes)
        if self._folded and not any(channel.startswith(_RESERVED) for channel, _ in writes):
            self._held.extend(rows)
            return
        special = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        async with self._fenced(thread) as cursor:
            await cursor.executemany(self.UPSERT_CHECKPOINT_WRITES_SQL if special else self.INSERT_CHECKPOINT_WRITES_SQL, rows)

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete all that is stored of a thread, under its fence."""
        async with self._fence_held([thread_id]):
            await super().adelete_thread(thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Prune threads under their fences; see `AsyncPostgresSaver.aprune`."""
        async with self._fence_held([] if isinstance(thread_ids, str) else thread_ids):
            await super().aprune(thread_ids, strategy=strategy)

    async def _ready_to_seal(self) -> None:
        if self._sealer.seals_journal:
            await self._sealer.ready()

    async def _lease_of(self, thread: str) -> Lease:
        lease = self._leases.get(thread)
        if lease is None:
            message = f"this saver holds no lease on the thread {thread}"
            raise LeaseLost(message)
        return lease

    @asynccontextmanager
    async def _fenced(self, thread: str) -> AsyncGenerator[AsyncCursor[DictRow]]:
        """A cursor in a pipeline whose one implicit transaction begins with the fence.

        Nothing in it may open a transaction or a savepoint: that would commit what came before (durability rule 5).
        """
        lease = await self._lease_of(thread)
        with foreseen():
            async with self._pool.connection() as connection, connection.pipeline(), connection.cursor(binary=True) as cursor:
                await cursor.execute(QUERIES["assert_lease"], _fence(lease))
                yield cursor

    @asynccontextmanager
    async def _fence_held(self, threads: Sequence[str]) -> AsyncGenerator[None]:
        """Hold the leases' rows in a transaction beside a write that cannot be pipelined: no take-over can commit meanwhile."""
        with foreseen():
            async with self._pool.connection() as connection, connection.transaction():
                for thread in threads:
                    await connection.execute(QUERIES["assert_lease"], _fence(await self._lease_of(thread)))
                yield

    async def _seed_clock(self, thread: str) -> None:
        """Let new checkpoint ids come after the newest stored one, whichever checkpoint was loaded and whatever this host's clock says."""
        with foreseen():
            async with self._pool.connection() as connection:
                row = await (await connection.execute(QUERIES["newest_checkpoint"], {"threads": [thread, self._after]})).fetchone()
        # Once is enough: from here on only this saver writes the thread.
        self._clock_seeded = True
        if row is None or row["newest"] is None:
            return
        newest = UUID(row["newest"])
        if newest.version == 6:  # noqa: PLR2004  # the version of UUID that LangGraph makes
            stamp = (newest.int >> 80) << 12 | (newest.int >> 64 & 0xFFF)
            setattr(checkpoint_clock, _CLOCK, max(getattr(checkpoint_clock, _CLOCK) or 0, stamp))


def _fence(lease: Lease) -> dict[str, Any]:
    return {"thread": lease.thread_id, "epoch": lease.epoch, "token": lease.token}


def _columns(names: Sequence[str | None], rows: Sequence[Write]) -> dict[str, list[Any]]:
    """Rows as one list per named column, as `unnest` takes them."""
    return {name: [row[place] for row in rows] for place, name in enumerate(names) if name is not None}
