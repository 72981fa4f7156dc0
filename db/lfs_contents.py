"""Contents of Git LFS files in PostgreSQL: kept for an epic under its lease, read by any epic of its project."""

from __future__ import annotations

from collections.abc import Collection

from db.connection import Pool
from db.epics import fetch_all, fetch_one
from db.failures import foreseen
from db.leases import Lease
from db.queries import QUERIES


async def keep_lfs_content(pool: Pool, lease: Lease, oid: str, data: bytes) -> None:
    """Keep a content for an epic, fenced; one that is there already is not stored again.

    Raises:
        LeaseLost: if another worker has taken over; nothing is kept.
    """
    given = {"epic": lease.thread_id, "epoch": lease.epoch, "token": lease.token, "oid": oid, "data": data}
    with foreseen():
        async with pool.connection() as connection:
            # In binary: as text, each byte would travel as two.
            await connection.execute(QUERIES["keep_lfs_content"], given, binary=True)


async def kept_lfs_contents(pool: Pool, epic_id: str, oids: Collection[str]) -> frozenset[str]:
    """Which of these contents an epic has kept."""
    return frozenset(row["oid"] for row in await fetch_all(pool, "kept_lfs_contents", {"epic": epic_id, "oids": list(oids)}))


async def lfs_content(pool: Pool, epic_id: str, oid: str) -> bytes | None:
    """A content that an epic of the same project has kept, or None."""
    row = await fetch_one(pool, "lfs_content", {"epic": epic_id, "oid": oid})
    return bytes(row["data"]) if row is not None else None
