"""Cancelling a run: at once where nobody holds it, else by a command that its worker finds."""

from __future__ import annotations

from db.commands import ask_cancel
from engine.assembling import Installation
from engine.lease_keeper import hold_epic
from engine.runs.reading import run_view
from engine.runs.views import RunView
from engine.time_machine.commands import apply_commands
from epics.errors import Conflict, EpicHeld
from epics.runs import RUN_ENDED


async def cancel_run(installation: Installation, run_id: str, *, by: str, reason: str) -> RunView:
    """Ask for a run to be cancelled, and do it here unless a live worker holds it and will.

    Raises:
        Conflict: if it has ended already.
    """
    pool = installation.database.pool
    run = await run_view(pool, run_id)
    if run.status in RUN_ENDED:
        message = f"run {run_id} has ended already: it is {run.status}"
        raise Conflict(message)
    await ask_cancel(pool, run_id, {"by": by, "reason": reason})
    try:
        async with hold_epic(installation.database, run_id, seconds=installation.lease_seconds) as hold:
            await apply_commands(installation, hold.lease)
    except EpicHeld:
        pass
    return await run_view(pool, run_id)
