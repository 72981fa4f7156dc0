"""What is done with pasts as a whole: moved to another machine, and what no past names collected."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from db.audit import audited_alone
from engine.assembling import Installation
from engine.reading import epic_id_of
from engine.time_machine.collecting import collect
from engine.time_machine.collecting_views import Collected
from engine.time_machine.exporting import export_history
from engine.time_machine.importing import Imported, import_history
from engine.time_machine.saved import Manifest


class Keeping:
    """Exports and imports histories, and collects what none names."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open database."""
        self._installation = installation

    async def export(self, epic: str, target: BinaryIO, *, secrets: Collection[str] = ()) -> Manifest:
        """Write the history of an epic into a file; see `export_history`."""
        epic_id = await epic_id_of(self._installation.database.pool, epic)
        return await export_history(self._installation, epic_id, target, secrets=secrets)

    async def take_in(self, file: Path, *, repo: str | None = None) -> Imported:
        """Make the epic of an exported file here; see `import_history`."""
        return await import_history(self._installation, file, repo=repo)

    async def collect(self, *, older_than: timedelta, quota: int | None = None, apply: bool = False) -> Collected:
        """Remove what nothing names from this host and the database, or say what that would be; see `collecting.collect`."""
        if apply:
            # Before: it is many deeds, and most of them are on this host.
            asked = {"older_than_s": int(older_than.total_seconds()), "quota_bytes": quota}
            await audited_alone(self._installation.database.pool, "collect", kind="database", subject="remains", answer="asked", data=asked)
        return await collect(self._installation, older_than=older_than, quota=quota, apply=apply)
