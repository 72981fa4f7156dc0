"""`kill -9` in the middle of an agent's turn: the epic goes on, nothing recorded is bought again, nothing happens twice."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess

    from tests.faults.conftest import Scene

KILLS = 10
SEED = 20261121


@pytest.mark.slow
def test_an_epic_that_is_killed_ten_times_is_merged_once_and_buys_no_recorded_answer_twice(scene: Scene) -> None:
    chance = random.Random(SEED)
    process = scene.start()
    in_flight = 0
    kills = 0
    while kills < KILLS:
        if not _reaches(scene, process, requests=len(scene.server.requests) + 1):
            break
        time.sleep(chance.uniform(0, 0.4))
        if process.poll() is not None:
            break
        scene.kill(process)
        kills += 1
        asked, answered = len(scene.server.requests), _recorded(scene)
        assert 0 <= asked - answered - in_flight <= 1
        in_flight = asked - answered
        process = scene.begin("epic", "resume", _epic(scene))
    code, said = scene.end(process)

    assert code == 0, said
    assert kills >= KILLS - 2
    assert len(scene.server.requests) == _recorded(scene) + in_flight
    assert scene.ask("SELECT status FROM epics") == [("merged",)]
    attempts = scene.git("log", "main", "--format=%(trailers:key=Genie-Attempt,valueonly)").split()
    assert len(attempts) == len(set(attempts))
    assert len(scene.ask("SELECT 1 FROM events WHERE type = 'epic_ended'")) == 1
    assert scene.ask("SELECT count(*) FROM attempts") == [(_steps_of_the_story(scene),)]
    assert scene.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_a_killed_epic_ends_with_the_tree_of_one_that_was_not(scene: Scene) -> None:
    process = scene.start()
    assert _reaches(scene, process, requests=8)
    scene.kill(process)
    code, said = scene.end(scene.begin("epic", "resume", _epic(scene)))
    assert code == 0, said
    killed = scene.git("rev-parse", "main^{tree}")
    commits = scene.git("rev-list", "--count", "main")

    scene.git("checkout", "-q", "-b", "again", scene.git("rev-list", "--max-parents=0", "main"))
    scene.git("branch", "-f", "main", "again")
    scene.git("checkout", "-q", "main")
    code, said = scene.end(scene.start())

    assert code == 0, said
    assert scene.git("rev-parse", "main^{tree}") == killed
    assert scene.git("rev-list", "--count", "main") == commits


@pytest.mark.slow
def test_of_two_who_resume_one_epic_at_once_one_works_and_the_other_is_told_who_does(scene: Scene) -> None:
    process = scene.start()
    assert _reaches(scene, process, requests=4)
    scene.kill(process)

    both = [scene.begin("epic", "resume", _epic(scene)) for _ in range(2)]
    ends = sorted(scene.end(each) for each in both)

    assert [code for code, _ in ends] == [0, 1]
    assert "is held by" in ends[1][1]
    assert scene.ask("SELECT status FROM epics") == [("merged",)]


def _reaches(scene: Scene, process: subprocess.Popen[str], *, requests: int) -> bool:
    """Wait until the model's server was asked so often; False if the command ended before."""
    until = time.monotonic() + 60
    while len(scene.server.requests) < requests:
        if process.poll() is not None:
            return False
        assert time.monotonic() < until, "the model's server is not asked any more"
        time.sleep(0.01)
    return True


def _recorded(scene: Scene) -> int:
    return int(scene.ask("SELECT count(*) FROM turns")[0][0])


def _epic(scene: Scene) -> str:
    return str(scene.ask("SELECT id FROM epics ORDER BY id DESC LIMIT 1")[0][0])


def _steps_of_the_story(scene: Scene) -> int:
    """Attempts of agent steps that the history has: one for each, however often the command was killed."""
    return int(scene.ask("SELECT count(*) FROM moments WHERE workflow IS NOT NULL")[0][0])
