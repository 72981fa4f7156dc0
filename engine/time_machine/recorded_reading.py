"""Reading what is recorded of an epic from the database: a query for each kind of row, whatever the number of moments."""

from __future__ import annotations

from db.connection import Pool
from db.epics import fetch_all, fetch_one
from db.reading import states_at
from db.sealed_journal import open_attempts, open_turns
from engine.time_machine.recorded import Recorded, recorded_of
from epics.errors import EpicNotFound
from epics.upgrades import THIS_RELEASE, Release

_KINDS = ("moments", "attempts", "approvals", "rollbacks", "sayings")


async def read_recorded(pool: Pool, epic_id: str, *, turns: bool = True, release: Release = THIS_RELEASE) -> Recorded:
    """Everything that is recorded of an epic and that a replay needs.

    Args:
        pool: connections to the database.
        epic_id: the epic.
        turns: also what was said and done in each attempt, which is most of it.
        release: which states can be read.

    Raises:
        EpicNotFound: if there is no such epic.
    """
    epic = await fetch_one(pool, "recorded_epic", {"epic": epic_id})
    if epic is None:
        message = f"there is no epic {epic_id!r}: see `genie epic list`"
        raise EpicNotFound(message)
    rows = {kind: await fetch_all(pool, f"recorded_{kind}", {"epic": epic_id}) for kind in _KINDS}
    rows["turns"] = await fetch_all(pool, "recorded_turns", {"epic": epic_id}) if turns else []
    rows["turns"] = await open_turns(pool.sealer, rows["turns"])
    rows["attempts"] = await open_attempts(pool.sealer, rows["attempts"])
    states = await states_at(pool, epic_id, [row["checkpoint_id"] for row in rows["moments"]], release)
    return recorded_of(epic, rows, states)
