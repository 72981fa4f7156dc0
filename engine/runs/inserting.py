"""Making the row of a run, with what is asked of it, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from db.connection import Connection
from db.epics import Within, insert_epic
from db.runs import keep_run_order
from engine.assembling import Installation
from epics.ids import new_id
from epics.runs import KIND


async def insert_run(
    installation: Installation, values: Mapping[str, Any], order: Mapping[str, Any], *, hinted: bool, within: Within | None
) -> str:
    """Add a queued run, and return its id.

    Args:
        installation: where it is started.
        values: the columns of `epics`, without the id.
        order: what is asked of it.
        hinted: tell the workers; a process that will run it itself does not.
        within: what else is written in the transaction.
    """

    async def beside(connection: Connection, run_id: str) -> None:
        await keep_run_order(connection, run_id, order)
        if within is not None:
            await within(connection, run_id)

    pool = installation.database.pool
    while not await insert_epic(pool, {**values, "id": (run_id := new_id(KIND))}, hinted=hinted, within=beside):
        continue
    return run_id
