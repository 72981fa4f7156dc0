"""What is done with pasts as a whole: moved to another machine."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from engine.assembling import Installation
from engine.reading import epic_id_of
from engine.time_machine.exporting import export_history
from engine.time_machine.importing import Imported, import_history
from engine.time_machine.saved import Manifest


class Keeping:
    """Exports and imports histories."""

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
