"""What people asked of an epic that its worker must do: cancels and rollbacks, as they were asked for, in order (durability rule 13)."""

from __future__ import annotations

from db.commands import unapplied_command
from db.epics import fetch_one
from db.leases import Lease
from engine.assembling import Installation
from engine.cancel_writing import apply_cancel
from engine.time_machine.rollback_doing import obey_rollback
from epics.state import TERMINAL


async def apply_commands(installation: Installation, lease: Lease) -> bool:
    """Do what was asked of an epic that we hold; say whether it is to be left then: cancelled, taken back, or parked by what was found."""
    pool, is_over = installation.database.pool, False
    while (command := await unapplied_command(pool, lease.thread_id)) is not None:
        if command["kind"] == "cancel":
            await apply_cancel(installation, lease, command)
            is_over = True
        elif await obey_rollback(installation, lease, command):
            is_over = True
    facts = await fetch_one(pool, "epic_facts", {"epic": lease.thread_id}) or {}
    return is_over or facts["status"] in TERMINAL
