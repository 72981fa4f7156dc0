"""What agents tell the people who watch: an event, once by the id of the call."""

from __future__ import annotations

from db.connection import Pool
from db.fence import add_events, fenced
from db.leases import Lease
from db.queries import QUERIES
from db.storable import storable_text


async def tell_people(pool: Pool, lease: Lease, attempt: int, *, key: str, text: str) -> bool:
    """Tell people something; False if the call of that key told it before. Whatever shows events shows it, threads in Slack too."""
    async with fenced(pool, lease) as connection:
        told = await connection.execute(QUERIES["keep_told"], {"key": key, "epic": lease.thread_id, "attempt": attempt})
        if await told.fetchone() is None:
            return False
        data = {"attempt": attempt, "text": storable_text(str(pool.clean(text)))}
        await add_events(connection, lease.thread_id, [{"type": "people_told", "data": data}])
    return True
