"""What Genie itself finds out about an approval, under the lease of its epic: its terms, and whether it may be given without a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from db.connection import Pool
from db.epics import Row, fetch_one
from db.fence import add_events, fenced
from db.leases import Lease
from db.queries import QUERIES
from db.storable import jsonb


async def put_approval_terms(pool: Pool, lease: Lease, terms: Mapping[str, Any]) -> None:
    """Keep the terms that the gates of an epic open with from now on, fenced."""
    async with fenced(pool, lease) as connection:
        await connection.execute(QUERIES["put_approval_terms"], {"epic": lease.thread_id, "terms": jsonb(dict(terms))})


async def approval_is_for_people(pool: Pool, lease: Lease, row: Row, why: Sequence[str]) -> None:
    """Note that an approval is not given without a person, and why, once, fenced."""
    async with fenced(pool, lease) as connection:
        # The epic's row first, as whoever decides does: the two cannot wait for each other.
        await connection.execute(QUERIES["lock_epic_of_approval"], {"approval": row["id"]})
        if await (await connection.execute(QUERIES["judge_approval"], {"approval": row["id"]})).fetchone() is not None and why:
            data = {"approval": row["id"], "gate": row["gate"], "why": list(why)}
            await add_events(connection, lease.thread_id, [{"type": "approval_needs_person", "data": data}])


async def spent_on(pool: Pool, epic_id: str) -> Row:
    """What an epic has cost, and what is reserved beside."""
    return await fetch_one(pool, "spent_on_epic", {"epic": epic_id}) or {}
