"""What a face asks to replay: the part of the engine that `genie replay` calls."""

from __future__ import annotations

from pathlib import Path

from engine.assembling import Installation
from engine.reading import epic_id_of
from engine.time_machine.replay import Code, replay_epic
from engine.time_machine.replay_checking import OnChecked, check_database
from engine.time_machine.replay_saved import check_saved
from engine.time_machine.replay_views import Check, Replay


class Replaying:
    """Replays of epics, and checks of histories; nothing is changed by either."""

    def __init__(self, installation: Installation, code: Code | None = None) -> None:
        """Bind to an open database, and to what histories are held against."""
        self._installation = installation
        self._pool = installation.database.pool
        self._code = code or Code()

    async def replay(self, epic: str, *, verify: bool = False) -> Replay:
        """Replay an epic; see `replay_epic`."""
        return await replay_epic(self._installation, await epic_id_of(self._pool, epic), verify=verify, code=self._code)

    async def check_all(self, *, on_checked: OnChecked | None = None) -> Check:
        """Hold every epic that the caller may read against the code of now; see `check_database`."""
        return await check_database(self._installation, code=self._code, on_checked=on_checked)

    async def check_saved(self, place: Path, *, on_checked: OnChecked | None = None) -> Check:
        """Hold saved histories, a file or all those of a folder, against the code of now; see `replay_saved.check_saved`."""
        return await check_saved(self._installation, place, code=self._code, on_checked=on_checked)
