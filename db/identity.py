"""Which database this is."""

from __future__ import annotations

from db.connection import Pool
from db.epics import fetch_one


async def database_id(pool: Pool) -> str:
    """The id that this database got when it was made; a restored dump keeps it.

    Raises:
        StoreUnavailable: if the database does not answer.
    """
    row = await fetch_one(pool, "database_id", {})
    if row is None:
        message = "the database has no identity: its schema was changed by hand"
        raise LookupError(message)
    return str(row["id"])
