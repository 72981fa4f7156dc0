"""What people asked of an epic that its worker must do: cancels and rollbacks, in that order (durability rule 13)."""

from __future__ import annotations

from db.epics import epic_facts
from db.leases import Lease
from engine.assembling import Installation
from engine.cancelling import apply_cancel
from engine.time_machine.rollback import apply_rollbacks
from epics.state import TERMINAL


async def apply_commands(installation: Installation, lease: Lease) -> bool:
    """Do what was asked of an epic that we hold; say whether it is to be left then: cancelled, taken back, or parked by what was found."""
    if await apply_cancel(installation, lease) is not None:
        return True
    if await apply_rollbacks(installation, lease):
        return True
    return (await epic_facts(installation.database.pool, lease.thread_id))["status"] in TERMINAL
