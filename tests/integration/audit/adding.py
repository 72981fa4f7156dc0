"""Rows of the audit, added as deeds add them."""

from __future__ import annotations

from typing import Any, Final

from db.audit import audited
from db.connection import Database

FIELDS: Final = "at, person, channel, via, address, deed, kind, subject, epic, repo, content_hash, answer, refused, data"


async def add(database: Database, count: int, **more: Any) -> None:
    """Add so many rows, each in a transaction of its own."""
    for number in range(count):
        async with database.pool.connection() as connection, connection.transaction():
            await audited(connection, "start", **{"kind": "epic", "subject": f"e-{number}", **more})
