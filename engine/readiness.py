"""How the installation stands at this moment: what /ready and /metrics tell."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from db.connection import Database
from db.epics import fetch_all
from db.migrations import schema_status
from db.workers import list_workers
from engine.assembling import Installation
from engine.reading import STATUSES
from engine.views import WorkerView


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Counts over the whole database, and of this process's pool."""

    epics: Mapping[str, int]
    """How many have each status."""
    workers: int
    """Workers with a fresh sign of life."""
    pool: Mapping[str, int]
    """The pool's own figures, as psycopg names them."""

    @property
    def queue(self) -> int:
        """Epics that no worker has taken up yet."""
        return self.epics["queued"]


async def standing(database: Database) -> Standing:
    """Count."""
    counted = {row["status"]: row["epics"] for row in await fetch_all(database.pool, "epics_by_status", {})}
    alive = sum(row["alive"] for row in await list_workers(database.pool))
    return Standing(epics={status: counted.get(status, 0) for status in STATUSES}, workers=alive, pool=database.pool.get_stats())


async def workers_seen(database: Database) -> tuple[WorkerView, ...]:
    """The workers that were heard of in the last day, those that live first."""
    return tuple(WorkerView.model_validate(row) for row in await list_workers(database.pool))


async def schema_fault(installation: Installation) -> str | None:
    """What is wrong with the schema, or None."""
    status = await schema_status(installation.database.pool)
    if status.newer:
        return f"a newer Genie wrote the database: it has {', '.join(status.newer)}"
    if status.pending:
        return f"the database lacks {', '.join(status.pending)}"
    return None


def free_bytes(installation: Installation) -> int:
    """Room that is left where mirrors and work trees are."""
    place = installation.home
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free
