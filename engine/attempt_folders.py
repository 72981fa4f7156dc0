"""What becomes of attempts, and of the folders that they had on this host beside their work trees."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from db.connection import Pool
from db.epics import Row, fetch_all
from engine.assembling import Installation
from epics.state import TERMINAL
from timemachine.workspace import attempts_folder

Attempt: TypeAlias = tuple[str, int]


async def fates_of(pool: Pool, attempts: Iterable[Attempt]) -> Mapping[Attempt, Row]:
    """What the database says of attempts; those of epics that it does not know are missing."""
    asked = sorted(set(attempts))
    if not asked:
        return {}
    values = {"epics": [epic for epic, _ in asked], "attempts": [n for _, n in asked]}
    return {(row["epic"], row["attempt"]): row for row in await fetch_all(pool, "fates_of_attempts", values)}


async def sweep_folders(installation: Installation) -> None:
    """Remove the folders of attempts that have ended, which a crash left beside their work trees."""
    folders = {attempt: path for path in _folders(installation.home) if (attempt := _attempt_in(path.name)) is not None}
    for attempt, fate in (await fates_of(installation.database.pool, folders)).items():
        over = fate["ended"] or fate["status"] in TERMINAL
        if over and fate["host"] is None:
            await asyncio.to_thread(shutil.rmtree, folders[attempt], ignore_errors=True)


def _folders(home: Path) -> list[Path]:
    place = attempts_folder(home)
    return sorted(place.iterdir()) if place.is_dir() else []


def _attempt_in(name: str) -> Attempt | None:
    epic, _, n = name.rpartition("-")
    return (epic, int(n)) if epic and n.isdecimal() else None
