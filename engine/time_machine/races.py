"""What a face asks about races: the part of the engine that shows them, and picks."""

from __future__ import annotations

from db.epics import queue_epic
from db.races import entry_rows
from engine.assembling import Installation
from engine.reading import epic_id_of, epic_view
from engine.time_machine.race_reading import race_of
from engine.time_machine.race_views import Picked, Race
from epics.races import ENTRY_RESTS_AT


class Races:
    """The races of epics that were started with several attempts."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open database."""
        self._installation = installation
        self._pool = installation.database.pool

    @property
    def side_by_side(self) -> int:
        """How many epics this process carries on at once."""
        return self._installation.dispatch.concurrency

    async def race(self, epic: str) -> Race:
        """The race of an epic.

        Raises:
            Conflict: if it has none.
        """
        return await race_of(self._pool, await epic_id_of(self._pool, epic))

    async def pick(self, epic: str, entry: str, *, by: str) -> Picked:
        """Pick an entry of a race, by its number or its epic; see `racing.pick_entry`."""
        from engine.time_machine.racing import pick_entry  # noqa: PLC0415  # LangGraph takes seconds to import, and reading needs none of it

        epic_id = await epic_id_of(self._pool, epic)
        await pick_entry(self._installation, epic_id, entry, by=by)
        return Picked(race=await race_of(self._pool, epic_id), epic=await epic_view(self._pool, epic_id))

    async def _resume_entries(self, epic_id: str, *, by: str) -> None:
        """Set the entries of a race going again that were stopped at their work; those that are done with it wait on."""
        for entry in await entry_rows(self._pool, epic_id):
            if entry["status"] in {"queued", "paused"} and entry["step"] != ENTRY_RESTS_AT:
                await queue_epic(self._pool, entry["fork_id"], auto_approve=None, by=by)
