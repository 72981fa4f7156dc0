"""Workers that are killed again and again while an epic teaches: each episode is told once, and none is missing."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.machine import until

if TYPE_CHECKING:
    from tests.faults.conftest import Scene

SEED = 20261122
KILLS = 8


@pytest.mark.faults
def test_what_an_epic_teaches_is_told_once_however_often_workers_are_killed(scene: Scene, tmp_path: Path) -> None:
    """Killed between the deed and its mark, the mark and the queue, the queue and the store, at random."""
    chance = random.Random(SEED)
    epic = scene.queue()
    assert scene.here.run("epic", "say", epic, "Keep it plain.").code == 0
    for _ in range(KILLS):
        worker = scene.begin("worker")
        before = _events(scene)
        until(lambda before=before: _events(scene) > before + 4 or scene.status(epic) == "merged", "the epic moves", seconds=120)
        time.sleep(chance.uniform(0.0, 2.0))
        worker.kill()
    scene.begin("worker")
    scene.until_status(epic, "merged", seconds=200)
    until(lambda: not scene.ask("SELECT 1 FROM learning_marks"), "all marks are taken")
    until(lambda: not scene.ask("SELECT 1 FROM episodes WHERE state <> 'stored'"), "all episodes are stored", seconds=200)

    told = [key for (key,) in scene.ask("SELECT key FROM episodes ORDER BY key")]
    known = [key for (key,) in scene.ask("SELECT key FROM knowledge_episodes ORDER BY key")]

    assert told == known == asyncio.run(_derived(scene.database_url, epic, tmp_path))
    assert {key.rpartition(":")[2] for key in told} == {"genie_context", "genie_decisions", "genie_patterns", "genie_procedures"}
    assert scene.ask("SELECT count(*) FROM knowledge_facts") == [(len(told),)]


def _events(scene: Scene) -> int:
    return int(scene.ask("SELECT count(*) FROM events")[0][0])


async def _derived(url: str, epic: str, folder: Path) -> list[str]:
    from db.connection import open_database
    from engine.learning.deriving import episodes_of

    async with open_database(url, folder / "unused", migrate=False) as database:
        return sorted(episode.key for episode in await episodes_of(database.pool, epic))
