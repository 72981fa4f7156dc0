"""Packs of commits in PostgreSQL: kept for an epic under its lease, read by anybody, collected when no epic holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from db.connection import Pool
from db.epics import fetch_all, fetch_one
from db.failures import foreseen
from db.leases import Lease
from db.queries import QUERIES

_ROUND: Final = 200


@dataclass(frozen=True, kw_only=True)
class Pack:
    """A commit that an epic needs. Without data it is on the base branch of the repository; `needs` are what the data is thin against."""

    commit: str
    data: bytes | None = None
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A pack in the database, without its bytes."""

    commit: str
    has_data: bool
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What was removed since no epic held it: how many packs, and how many bytes."""

    packs: int
    bytes: int


async def keep_packs(pool: Pool, lease: Lease, packs: Sequence[Pack]) -> None:
    """Keep packs for an epic, fenced; one that is there already is not stored again. What a pack needs must be kept before it.

    Raises:
        LeaseLost: if another worker has taken over; nothing more is kept.
    """
    fence = {"epic": lease.thread_id, "epoch": lease.epoch, "token": lease.token}
    with foreseen():
        async with pool.connection() as connection:
            for pack in packs:
                # One statement with its fence: while the bytes travel, no transaction holds up the renewal of the lease.
                given = {**fence, "commit": pack.commit, "data": pack.data, "needs": list(pack.needs)}
                # In binary: as text, each byte would travel as two.
                await connection.execute(QUERIES["keep_pack"], given, binary=True)


async def held_packs(pool: Pool, epic_id: str) -> tuple[Stored, ...]:
    """What an epic holds, in the order in which it came to hold it; `needs` are not read."""
    rows = await fetch_all(pool, "held_packs", {"epic": epic_id})
    return tuple(Stored(commit=row["commit"], has_data=row["has_data"]) for row in rows)


async def packs_behind(pool: Pool, epic_id: str, commits: Sequence[str]) -> dict[str, Stored]:
    """The packs of these commits and all that those need, in the project of an epic, by their commits."""
    rows = await fetch_all(pool, "packs_behind", {"epic": epic_id, "commits": list(commits)})
    return {row["commit"]: Stored(commit=row["commit"], has_data=row["has_data"], needs=tuple(row["needs"])) for row in rows}


async def pack_data(pool: Pool, epic_id: str, commit: str) -> bytes | None:
    """The bytes of a pack in the project of an epic, or None."""
    row = await fetch_one(pool, "pack_data", {"epic": epic_id, "commit": commit})
    return bytes(row["data"]) if row is not None and row["data"] is not None else None


async def named_commits(pool: Pool, epic_id: str) -> tuple[str, ...]:
    """The commits that the rows of an epic name, whether it holds their packs or not."""
    return tuple(row["commit"] for row in await fetch_all(pool, "named_commits", {"epic": epic_id}))


async def branch_tips(pool: Pool, epic_id: str) -> dict[str, str]:
    """Where an epic's branches are, as its rows say."""
    return {row["branch"]: row["commit"] for row in await fetch_all(pool, "branch_tips", {"epic": epic_id})}


async def let_go_of_unnamed(pool: Pool, epic_id: str) -> int:
    """Let an epic that has ended hold only the packs that its moments, turns and attempts still name, and say how many it let go of."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            rows = await (await connection.execute(QUERIES["unnamed_packs"], {"epic": epic_id})).fetchall()
            commits = [row["commit"] for row in rows]
            if commits:
                await connection.execute(QUERIES["let_go_of_packs"], {"epic": epic_id, "commits": commits})
    return len(commits)


async def collect_packs(pool: Pool, *, most: int = _ROUND) -> Collected:
    """Remove the packs that no epic holds and no other pack needs; what a removed one needed alone goes in a later round."""
    packs = size = 0
    while True:
        with foreseen():
            async with pool.connection() as connection:
                row = await (await connection.execute(QUERIES["collect_packs"], {"most": most})).fetchone()
        if not row or not row["packs_removed"]:
            return Collected(packs=packs, bytes=size)
        packs += row["packs_removed"]
        size += int(row["bytes_removed"])
