"""`kill -9` while attempts run side by side: no second set of them is made, none is picked twice, no recorded answer is bought again."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from tests.fakes.breakpoints import Breakpoints

if TYPE_CHECKING:
    from tests.faults.conftest import Scene

SEED = 20261121
ATTEMPTS = 2
KILLS = 20

PLACES = (
    ("races", "UPDATE", {"state": "running"}),
    ("race_entries", "INSERT", {"k": 2}),
    ("moments", "INSERT", {"outcome": "forked"}),
    ("race_entries", "UPDATE", {"k": 1}),
    ("moments", "INSERT", {"outcome": "picked"}),
    ("races", "UPDATE", {"told_to_end": True}),
)
"""The writes of a race, in the order in which they come."""


@pytest.mark.faults
def test_a_race_that_is_killed_at_random_is_run_once_and_picked_once(scene: Scene) -> None:
    """Faults 1 and 25, with as many answers in flight as there are attempts."""
    chance = random.Random(SEED)
    process = scene.start("--attempts", str(ATTEMPTS))
    lost = 0
    for _ in range(KILLS):
        if not scene.until_asked(len(scene.server.requests) + chance.randint(1, 4), process):
            break
        time.sleep(chance.uniform(0, 0.3))
        if process.code is not None:
            break
        process.kill()
        asked, paid = len(scene.server.requests), _paid(scene)
        assert 0 <= asked - paid - lost <= ATTEMPTS
        lost = asked - paid
        process = scene.begin("epic", "resume", _source(scene))
    ended = process.end()

    assert ended.code == 0, ended.said
    assert len(scene.server.requests) == _paid(scene) + lost
    _was_run_once(scene)


@pytest.mark.faults
@pytest.mark.parametrize("kept", [False, True], ids=["taken back", "kept"])
def test_killed_at_each_write_of_a_race_it_goes_on_as_if_it_had_not_been(scene: Scene, kept: bool) -> None:
    """Fault 1, exactly there: the database holds the process up; what it wrote is then taken back, or kept and nobody hears of it."""
    scene.here.run("db", "migrate")
    with Breakpoints(scene.database_url) as breakpoints:
        for table, operation, fits in PLACES:
            breakpoints.set(table, operation, **fits)
            begun = scene.ask("SELECT 1 FROM epics")
            process = scene.begin("epic", "resume", _source(scene)) if begun else scene.start("--attempts", str(ATTEMPTS))
            breakpoints.reached(f"{table} is written with {fits}")
            process.kill()
            breakpoints.forget(kept=kept)

    ended = scene.here.run("epic", "resume", _source(scene))
    assert ended.code == 0, ended.said
    _was_run_once(scene)


def _was_run_once(scene: Scene) -> None:
    source = _source(scene)
    assert scene.status(source) == "merged"
    forks = scene.ask("SELECT id, status FROM epics WHERE forked_from = %s", source)
    assert [status for _, status in forks] == ["cancelled"] * ATTEMPTS
    assert {fork for fork, _ in forks} == {fork for (fork,) in scene.ask("SELECT fork_id FROM race_entries")}
    for kind in ("race_begun", "attempt_picked", "epic_ended"):
        assert scene.ask("SELECT count(*) FROM events WHERE epic_id = %s AND type = %s", source, kind) == [(1,)], kind
    assert scene.ask("SELECT count(*) FROM moments WHERE epic_id = %s AND outcome = 'picked'", source) == [(1,)]
    assert scene.ask("SELECT state, told_to_end FROM races") == [("picked", True)]
    assert scene.git("status", "--porcelain") == ""


def _source(scene: Scene) -> str:
    return str(scene.ask("SELECT id FROM epics WHERE forked_from IS NULL")[0][0])


def _paid(scene: Scene) -> int:
    return int(scene.ask("SELECT count(*) FROM calls WHERE state = 'settled'")[0][0])
