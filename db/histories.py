"""All that is recorded of one epic: read whole as of one instant, and put into another database whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from psycopg.types.json import Json, Jsonb

from db.audit import audited
from db.connection import Connection, Pool
from db.epics import Row
from db.failures import first_line, foreseen
from db.fence import add_events
from db.packs import Pack
from db.queries import QUERIES
from db.sealed_histories import opened_rows, sealed_rows
from db.serializer import CheckpointSerializer
from db.storable import jsonb
from db.upgrading import STATE_VERSION, UpgradingSaver
from epics.errors import Conflict, InvalidInput
from epics.state import EpicState
from epics.upgrades import THIS_RELEASE

KINDS: Final = (
    *(
        "moments",
        "attempts",
        "briefs",
        "turns",
        "sayings",
        "approvals",
        "approval_votes",
        "events",
        "analyses",
        "pull_requests",
        "effects",
        "rollbacks",
        "prunings",
    ),
)
"""The kinds of rows that belong to an epic, in the order in which they may be written."""

_INLINE: Final = (str, int, float, bool)
"""Values that LangGraph keeps in the checkpoint itself; all others are blobs."""


@dataclass(frozen=True, kw_only=True)
class SavedCheckpoint:
    """A checkpoint with its state in the form of this release."""

    id: str
    parent: str | None
    checkpoint: Mapping[str, Any]
    """All of it but the values."""
    metadata: Mapping[str, Any]
    state: Mapping[str, Any]
    """The fields that were set, as the records that they are."""
    waiting: tuple[str, ...]
    """Channels without a value that say which step comes next."""


@dataclass(frozen=True, kw_only=True)
class NewHistory:
    """What is put into a database: rows by their kind, checkpoints, and packs in the order in which they need each other."""

    epic_id: str
    epic: Row
    rows: Mapping[str, Sequence[Row]]
    checkpoints: Sequence[SavedCheckpoint]
    packs: Sequence[Pack]
    event: Mapping[str, Any] = field(default_factory=dict)
    """What the last event tells: where it comes from."""


async def read_rows(pool: Pool, epic_id: str) -> tuple[Row, dict[str, list[Row]]] | None:
    """The row of an epic and all that belong to it, as JSON with their columns; None if there is no such epic."""
    asked = {"epic": epic_id}
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            await connection.execute(QUERIES["begin_reading"])
            epic = await (await connection.execute(QUERIES["saved_epic"], asked)).fetchone()
            if epic is None:
                return None
            rows = {kind: await (await connection.execute(QUERIES[f"saved_{kind}"], asked)).fetchall() for kind in KINDS}
    return epic["row"], await opened_rows(pool.sealer, {kind: [row.get("row", row) for row in found] for kind, found in rows.items()})


async def read_checkpoints(pool: Pool, epic_id: str, ids: Sequence[str]) -> list[SavedCheckpoint]:
    """Those of the checkpoints that are stored, oldest first."""
    wanted = frozenset(ids)
    with foreseen():
        listed = UpgradingSaver(pool).alist({"configurable": {"thread_id": epic_id, "checkpoint_ns": ""}})
        found = [_saved(each) async for each in listed if _key_of(each.config) in wanted]
    return found[::-1]


async def is_id_free(pool: Pool, epic_id: str, approvals: Sequence[str]) -> bool:
    """Whether an epic can have this id here, and its approvals theirs."""
    with foreseen():
        async with pool.connection() as connection:
            asked = {"epic": epic_id, "approvals": list(approvals)}
            row = await (await connection.execute(QUERIES["is_id_free"], asked)).fetchone()
    return row is not None and bool(row["free"])


async def put_history(pool: Pool, history: NewHistory) -> None:
    """Write an epic with all that belongs to it in one transaction.

    Raises:
        InvalidInput: if the rows are not what this database takes; nothing is written then.
        Conflict: if an epic with that id came meanwhile.
    """
    kept = replace(history, rows=await sealed_rows(pool.sealer, history.rows))
    if pool.sealer.seals_journal:
        await pool.sealer.ready()
    with foreseen():
        async with pool.connection() as connection:
            try:
                async with connection.transaction():
                    await _put(connection, kept, CheckpointSerializer(pool.sealer))
            except (psycopg.DataError, psycopg.IntegrityError) as error:
                if error.diag.constraint_name == "epics_pkey":
                    raise Conflict(f"epic {history.epic_id} came here meanwhile: import the file again") from error
                raise InvalidInput(f"the records in the file are not those of an epic: {first_line(error)}") from error
    pool.announcer.announce(history.epic_id)


async def _put(connection: Connection, history: NewHistory, serializer: CheckpointSerializer) -> None:
    key = {"epic": history.epic_id}
    project = await (await connection.execute(QUERIES["project_of_repo"], {"repo": history.epic["repo"]})).fetchone()
    await connection.execute(QUERIES["put_epic"], {**key, "row": jsonb(history.epic), "project": project["id"] if project else None})
    for pack in history.packs:
        given = {**key, "commit": pack.commit, "data": pack.data, "needs": list(pack.needs)}
        await connection.execute(QUERIES["put_pack"], given, binary=True)
    for kind in KINDS:
        rows = history.rows[kind]
        if kind == "turns":
            await _put_turns(connection, history.epic_id, rows)
        elif rows:
            await connection.execute(QUERIES[f"put_{kind}"], {**key, "rows": jsonb(list(rows))})
    for saved in history.checkpoints:
        await _put_checkpoint(connection, history.epic_id, saved, serializer)
    await add_events(connection, history.epic_id, [{"type": "epic_imported", "data": dict(history.event)}])
    await connection.execute(QUERIES["tell_nobody"], key)
    source = {name: history.event[name] for name in ("from", "repo", "genie", "was") if name in history.event}
    await audited(connection, "import", kind="epic", subject=history.epic_id, epic=history.epic_id, data=source)


async def _put_turns(connection: Connection, epic_id: str, rows: Sequence[Row]) -> None:
    for row in rows:
        texts = {name: None if row[name] is None else Json(row[name]) for name in ("request", "answer", "results")}
        await connection.execute(QUERIES["put_turn"], {**row, **texts, "epic": epic_id})


async def _put_checkpoint(connection: Connection, epic_id: str, saved: SavedCheckpoint, serializer: CheckpointSerializer) -> None:
    versions = saved.checkpoint["channel_versions"]
    inline = {name: value for name, value in saved.state.items() if value is None or isinstance(value, _INLINE)}
    values = {**inline, **dict.fromkeys(saved.waiting)}
    given = {
        "epic": epic_id,
        "id": saved.id,
        "parent": saved.parent,
        "checkpoint": Jsonb({**saved.checkpoint, "channel_values": values}),
        "metadata": Jsonb({**saved.metadata, STATE_VERSION: THIS_RELEASE.state}),
    }
    await connection.execute(QUERIES["put_saved_checkpoint"], given)
    for name, value in saved.state.items():
        if name in versions and name not in inline:
            kind, blob = serializer.dumps_typed(value)
            blob_of = {"epic": epic_id, "channel": name, "version": versions[name], "type": kind, "blob": blob}
            await connection.execute(QUERIES["put_saved_blob"], blob_of)


def _saved(found: CheckpointTuple) -> SavedCheckpoint:
    values = found.checkpoint["channel_values"]
    return SavedCheckpoint(
        id=_key_of(found.config),
        parent=_key_of(found.parent_config) if found.parent_config else None,
        checkpoint={name: value for name, value in found.checkpoint.items() if name != "channel_values"},
        metadata=dict(found.metadata),
        state={name: value for name, value in values.items() if name in EpicState.model_fields},
        waiting=tuple(name for name, value in values.items() if value is None and name.startswith("branch:to:")),
    )


def _key_of(config: RunnableConfig) -> str:
    """What a checkpoint is stored under; in a copy that a fork has, it need not be what it calls itself."""
    return str(config.get("configurable", {})["checkpoint_id"])
