"""Cancelling an epic: at once where nobody holds it, else by a command that its worker finds."""

from __future__ import annotations

from db.commands import ask_cancel, asked_command
from engine.assembling import Installation
from engine.lease_keeper import hold_epic
from engine.reading import epic_view
from engine.time_machine.commands import apply_commands
from engine.views import EpicView
from epics.errors import Conflict, EffectUnknown, EpicHeld
from epics.state import TERMINAL, Ended


async def cancel_epic(installation: Installation, epic_id: str, *, by: str, reason: str) -> EpicView:
    """Ask for an epic to be cancelled, and do it here unless a live worker holds it and will.

    Raises:
        Conflict: if it has ended already, or its merge was made before the cancel could count.
        EffectUnknown: if its merge was begun, and the repository cannot be read to see whether it was made; the epic is paused.
    """
    pool = installation.database.pool
    epic = await epic_view(pool, epic_id)
    if epic.status in TERMINAL:
        message = f"epic {epic_id} has ended already: it is {epic.status}"
        raise Conflict(message)
    command = await ask_cancel(pool, epic_id, {"by": by, "reason": reason})
    try:
        async with hold_epic(installation.database, epic_id, seconds=installation.lease_seconds) as hold:
            await apply_commands(installation, hold.lease)
    except EpicHeld:
        return await epic_view(pool, epic_id)
    asked = await asked_command(pool, command)
    if asked["problem"]:
        raise EffectUnknown(asked["problem"])
    epic = await epic_view(pool, epic_id)
    if epic.status == Ended.MERGED:
        message = f"epic {epic_id} is not cancelled: its work was merged to {epic.base} before, and is there at {(epic.head or '')[:12]}"
        raise Conflict(message)
    return epic
