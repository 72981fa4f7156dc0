"""Jobs: hints that an epic can be advanced, enqueued in the transaction of the deed that made it so (durability rule 10)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from db.connection import Connection
from db.queries import QUERIES

QUEUE: Final = "epics"
ADVANCE: Final = "advance"


async def hint(connection: Connection, epic_id: str, *, at: datetime | None = None) -> None:
    """Tell the workers that an epic can be advanced, once the caller's transaction has committed.

    A hint that is lost, doubled or late harms nothing: the truth is the epic's row, its unapplied commands and its lease, and the sweepers
    of the workers find what no hint told them.

    Args:
        connection: where the deed is written; the hint goes away with it if it is rolled back.
        epic_id: the epic.
        at: not before this time; at once if None.
    """
    await connection.execute(QUERIES["hint"], {"epic": epic_id, "at": at})
