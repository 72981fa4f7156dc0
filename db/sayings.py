"""What people say to the agent of an epic: kept in order, told once."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from db.audit import audited
from db.connection import Connection, Pool
from db.epics import Row, fetch_all
from db.failures import foreseen
from db.fence import add_events
from db.queries import QUERIES
from epics.errors import Conflict, EpicNotFound
from epics.state import TERMINAL


async def keep_saying(pool: Pool, epic_id: str, *, text: str, by: str, channel: str) -> Row:
    """Keep what a person says, with its event, and return its row; whoever runs the epic finds it there.

    Raises:
        EpicNotFound: if there is no such epic.
        Conflict: if it has ended, so that nobody would ever be told.
    """
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            epic = await (await connection.execute(QUERIES["lock_epic_to_speak"], {"epic": epic_id})).fetchone()
            if epic is None:
                message = f"there is no epic {epic_id!r}: see `genie epic list`"
                raise EpicNotFound(message)
            if epic["status"] in TERMINAL:
                message = f"epic {epic_id} has ended: it is {epic['status']}, and there is no agent to say anything to"
                raise Conflict(message)
            values = {"epic": epic_id, "text": text, "by": by, "channel": channel}
            row = await (await connection.execute(QUERIES["keep_saying"], values)).fetchone()
            if row is None:
                message = f"nothing could be said to epic {epic_id}"
                raise LookupError(message)
            said = {"saying": row["n"], "text": text, "by": by, "channel": channel}
            await add_events(connection, epic_id, [{"type": "person_said", "data": said}])
            # The words are with the epic; that they were these can be seen.
            seal = sha256(text.encode()).hexdigest()
            await audited(connection, "say", kind="epic", subject=epic_id, epic=epic_id, content_hash=seal, data={"saying": row["n"]})
    pool.announcer.announce(epic_id)
    return row


async def list_sayings(pool: Pool, epic_id: str) -> list[Row]:
    """All that was said to an epic, in order."""
    return await fetch_all(pool, "list_sayings", {"epic": epic_id})


async def untold_sayings(pool: Pool, epic_id: str) -> list[Row]:
    """What no agent was told yet, in order."""
    return await fetch_all(pool, "untold_sayings", {"epic": epic_id})


async def count_as_told(connection: Connection, epic_id: str, numbers: Sequence[int], *, attempt: int, turn: int | None) -> None:
    """Record in the transaction at hand that an attempt is told, with an event: in a turn's request, or without a turn in its brief."""
    if not numbers:
        return
    told = {"epic": epic_id, "attempt": attempt, "turn": turn, "heard": list(numbers)}
    rows = await (await connection.execute(QUERIES["told_in_turn"], told)).fetchall()
    heard = {"attempt": attempt, "turn": turn, "sayings": sorted(row["n"] for row in rows)}
    await add_events(connection, epic_id, [{"type": "sayings_told", "data": heard}])
