"""The rows of runs: what is asked of the agent, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from db.connection import Connection, Pool
from db.epics import Row, Within, fetch_one
from db.fence import add_events, fenced
from db.leases import Lease
from db.queries import QUERIES
from db.storable import jsonb
from epics.errors import RunNotFound


async def keep_run_order(connection: Connection, run_id: str, order: Mapping[str, Any]) -> None:
    """Write what is asked of a run, in the transaction that makes its row."""
    values = {"kind": "workflow", **order, "run": run_id, "variables": jsonb(dict(order["variables"]))}
    await connection.execute(QUERIES["insert_run"], values)
    await connection.execute(QUERIES["begin_run"], values)


async def run_order(pool: Pool, run_id: str) -> Row:
    """What is asked of a run.

    Raises:
        RunNotFound: if there is no such run.
    """
    row = await fetch_one(pool, "run_order", {"run": run_id})
    if row is None:
        message = f"there is no run {run_id!r}"
        raise RunNotFound(message)
    return row


async def end_run(
    pool: Pool, lease: Lease, end: Mapping[str, Any], *, event: Mapping[str, Any] | None = None, within: Within | None = None
) -> bool:
    """End a run that we hold, once, with its event; False, and nothing is written, if it has ended.

    Args:
        pool: connections to the database.
        lease: of the run.
        end: `status`, and of `problem`, `commit`, `branch`, `unpublished` what there is.
        event: what the event says beside the status.
        within: what else is written in the same transaction.
    """
    values = {"problem": "", "commit": None, "branch": None, "unpublished": "", **end, "run": lease.thread_id}
    async with fenced(pool, lease) as connection:
        if await (await connection.execute(QUERIES["end_run"], values)).fetchone() is None:
            return False
        await connection.execute(QUERIES["close_run"], values)
        if within is not None:
            await within(connection, lease.thread_id)
        data = {"status": values["status"], "problem": values["problem"][:500], **(event or {})}
        await add_events(connection, lease.thread_id, [{"type": "run_ended", "data": data}])
    return True
