"""`kill -9` in the middle of an agent's turn: the epic goes on, nothing recorded is bought again, nothing happens twice."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.faults.conftest import Scene

SEED = 20261121


@pytest.mark.parametrize("times", [pytest.param(3, marks=pytest.mark.slow), pytest.param(10, marks=pytest.mark.faults)])
def test_an_epic_that_is_killed_again_and_again_is_merged_once_and_buys_no_recorded_answer_twice(scene: Scene, times: int) -> None:
    """Faults 1 and 25, at random instants."""
    chance = random.Random(SEED)
    process = scene.start()
    in_flight = 0
    kills = 0
    while kills < times:
        if not scene.until_asked(len(scene.server.requests) + 1, process):
            break
        time.sleep(chance.uniform(0, 0.4))
        if process.code is not None:
            break
        process.kill()
        kills += 1
        asked, answered = len(scene.server.requests), scene.recorded()
        assert 0 <= asked - answered - in_flight <= 1
        in_flight = asked - answered
        process = scene.begin("epic", "resume", scene.epic())
    ended = process.end()

    assert ended.code == 0, ended.said
    assert kills >= times - 2
    assert len(scene.server.requests) == scene.recorded() + in_flight
    assert scene.ask("SELECT status FROM epics") == [("merged",)]
    attempts = scene.git("log", "main", "--format=%(trailers:key=Genie-Attempt,valueonly)").split()
    assert len(attempts) == len(set(attempts))
    assert len(scene.ask("SELECT 1 FROM events WHERE type = 'epic_ended'")) == 1
    assert scene.ask("SELECT count(*) FROM attempts") == [(_steps_of_the_story(scene),)]
    assert scene.git("status", "--porcelain") == ""


@pytest.mark.faults
def test_a_killed_epic_ends_with_the_tree_of_one_that_was_not(scene: Scene) -> None:
    """Fault 1: the history is the same as without the kill."""
    process = scene.start()
    assert scene.until_asked(8, process)
    process.kill()
    ended = scene.here.run("epic", "resume", scene.epic())
    assert ended.code == 0, ended.said
    killed = scene.git("rev-parse", "main^{tree}")
    commits = scene.git("rev-list", "--count", "main")

    scene.git("checkout", "-q", "-b", "again", scene.git("rev-list", "--max-parents=0", "main"))
    scene.git("branch", "-f", "main", "again")
    scene.git("checkout", "-q", "main")
    ended = scene.start().end()

    assert ended.code == 0, ended.said
    assert scene.git("rev-parse", "main^{tree}") == killed
    assert scene.git("rev-list", "--count", "main") == commits


@pytest.mark.faults
def test_of_two_who_resume_one_epic_at_once_one_works_and_the_other_follows(scene: Scene) -> None:
    """Fault 7: two claim one epic."""
    process = scene.start()
    assert scene.until_asked(4, process)
    process.kill()

    both = [scene.begin("epic", "resume", scene.epic()) for _ in range(2)]
    ends = [each.end() for each in both]

    assert [ended.code for ended in ends] == [0, 0]
    assert sum("works on it; this follows" in ended.said for ended in ends) == 1
    assert scene.ask("SELECT status FROM epics") == [("merged",)]


def _steps_of_the_story(scene: Scene) -> int:
    """Attempts of agent steps that the history has: one for each, however often the command was killed."""
    return int(scene.ask("SELECT count(*) FROM moments WHERE workflow IS NOT NULL")[0][0])
