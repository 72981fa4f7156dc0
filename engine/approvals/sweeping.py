"""Reminders, escalations and ends of approvals, when they are due: looked for by every worker, done by one."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import structlog

from db.connection import Pool
from db.deadlines import do_what_is_due, due_approvals
from epics.errors import StoreUnavailable

AGAIN_S: Final = 2.0


async def sweep_approvals(pool: Pool) -> int:
    """Do what is due on approvals, and say on how many something was.

    Raises:
        StoreUnavailable: if the database does not answer; the next sweep goes on.
    """
    due = await due_approvals(pool)
    for approval_id in due:
        try:
            await do_what_is_due(pool, approval_id)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # one that a newer release opened, say, must not keep the others from their time
            structlog.get_logger().error("an approval cannot be looked after", approval=approval_id, error=repr(error)[:500])
    return len(due)


async def run_approvals(pool: Pool, stop: asyncio.Event) -> None:
    """Sweep again and again, until `stop` is set."""
    while not stop.is_set():
        try:
            await sweep_approvals(pool)
        except StoreUnavailable as error:
            structlog.get_logger().warning("approvals are not looked after now", why=str(error))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(AGAIN_S):
                await stop.wait()
