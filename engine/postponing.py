"""Waiting for what waiting can cure: how long, and how often."""

from __future__ import annotations

from typing import Final

from db.connection import Database
from db.epics import fetch_one, postpone_epic
from db.leases import Lease
from engine.assembling import Dispatch

LONGEST_S: Final = 900.0


async def retries_so_far(database: Database, epic_id: str) -> int:
    """How often an epic was put off in a row at the place where it is now."""
    row = await fetch_one(database.pool, "retries_of_epic", {"epic": epic_id})
    return int(row["retries"]) if row else 0


async def put_off(database: Database, lease: Lease, problem: str, dispatch: Dispatch) -> None:
    """Put an epic off, twice as long as the last time; any worker takes it when the time has come, after any restart."""
    before = await retries_so_far(database, lease.thread_id)
    await postpone_epic(database.pool, lease, problem, seconds=delay(dispatch.retry_seconds, before), retries=before + 1)


def delay(first_s: float, before: int) -> float:
    """Seconds to wait, after an epic was put off so often before."""
    return min(first_s * 2.0 ** min(before, 30), LONGEST_S)
