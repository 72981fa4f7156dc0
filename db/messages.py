"""The messages of sessions: what was said to a model and what it said, to the letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Json

from db.connection import Connection, Pool
from db.epics import Row, fetch_all
from db.queries import QUERIES
from db.sealed_journal import open_json, seal_json


@dataclass(frozen=True, kw_only=True)
class NewMessage:
    """One message of the provider, as JSON, and what it counts."""

    kind: str
    message: Any  # JSON
    tokens: int


@dataclass(frozen=True, kw_only=True)
class Told:
    """What of a session is read for a model: up to so many tokens, some older messages in any case, and never more than so many."""

    tokens: int
    least: int
    most: int


def message_context(session_id: str, n: int) -> str:
    """Where a message stands."""
    return f"messages.message:{session_id}/{n}"


async def keep_messages(connection: Connection, pool: Pool, session_id: str, run_id: str, ask: int, messages: Sequence[NewMessage]) -> int:
    """Add what an ask of a run said, once; return how many messages were added.

    The session's row is locked: numbers have no gaps, and none is given twice.
    """
    if await (await connection.execute(QUERIES["lock_session"], {"id": session_id})).fetchone() is None:
        # It was removed: nobody wants to have what is said in it.
        return 0
    key = {"session": session_id, "run": run_id, "ask": ask}
    row = await (await connection.execute(QUERIES["kept_of_ask"], key)).fetchone() or {"kept": 0, "last": 0}
    if row["kept"]:
        return 0
    for place, each in enumerate(messages):
        n = row["last"] + place + 1
        kept = Json(await seal_json(pool.sealer, each.message, message_context(session_id, n)))
        await connection.execute(
            QUERIES["keep_message"], {**key, "n": n, "place": place, "kind": each.kind, "message": kept, "tokens": each.tokens}
        )
    await connection.execute(QUERIES["touch_session"], {"session": session_id})
    return len(messages)


async def newest_messages(pool: Pool, session_id: str, run_id: str, ask: int, told: Told) -> list[Row]:
    """What was said before an ask of a run, the oldest first."""
    values = {"session": session_id, "run": run_id, "ask": ask, "tokens": told.tokens, "least": told.least, "most": told.most}
    return await _opened(pool, session_id, await fetch_all(pool, "newest_messages", values))


async def session_messages(pool: Pool, session_id: str, *, after: int, limit: int) -> list[Row]:
    """The messages after a number, in their order."""
    rows = await fetch_all(pool, "session_messages", {"session": session_id, "after": after, "limit": limit})
    return await _opened(pool, session_id, rows)


async def session_messages_back(pool: Pool, session_id: str, *, before: int, limit: int) -> list[Row]:
    """The messages before a number, the newest first."""
    rows = await fetch_all(pool, "session_messages_back", {"session": session_id, "before": before, "limit": limit})
    return await _opened(pool, session_id, rows)


async def _opened(pool: Pool, session_id: str, rows: list[Row]) -> list[Row]:
    return [{**row, "message": await open_json(pool.sealer, row["message"], message_context(session_id, row["n"]))} for row in rows]
