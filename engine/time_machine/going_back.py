"""What a face asks to go back: the part of the engine that rolls back, undoes and forks."""

from __future__ import annotations

from engine.assembling import Installation
from engine.reading import epic_id_of
from engine.time_machine.orders import Fork, GoBack
from engine.time_machine.rollback_views import RollbackView
from engine.views import EpicView


class GoingBack:
    """Rollback, undo and fork of epics."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open database."""
        self._installation = installation
        self._pool = installation.database.pool

    async def roll_back(self, epic: str, asked: GoBack, *, dry_run: bool = False, wait_s: float = 60.0) -> RollbackView:
        """Take an epic back to a moment, or undo that; see `rollback.roll_back`."""
        from engine.time_machine.rollback import roll_back  # noqa: PLC0415  # LangGraph takes seconds to import, and reading needs none of it

        return await roll_back(self._installation, await epic_id_of(self._pool, epic), asked, dry_run=dry_run, wait_s=wait_s)

    async def fork(self, epic: str, asked: Fork) -> EpicView:
        """Make a new epic from a moment of another; see `forking.fork_epic`."""
        from engine.time_machine.forking import fork_epic  # noqa: PLC0415  # as in `roll_back`

        return await fork_epic(self._installation, await epic_id_of(self._pool, epic), asked)
