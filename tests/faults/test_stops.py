"""Stopping an epic in the worst moments: a cancel stays a cancel, and attempts that are used up end where a person can go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.machine import until

if TYPE_CHECKING:
    from tests.faults.conftest import Scene


@pytest.mark.faults
def test_a_cancel_that_comes_while_the_worker_is_dead_is_final(scene: Scene) -> None:
    """Fault 17, while the worker is dead: at once, and no resume brings it back."""
    process = scene.start()
    scene.follow(process, 3)
    process.kill()

    ended = scene.here.run("epic", "cancel", scene.epic(), "--reason", "not now")

    assert ended.code == 0, ended.said
    _final(scene)


@pytest.mark.faults
def test_a_cancel_that_comes_while_it_runs_is_done_by_who_runs_it_or_by_the_next(scene: Scene) -> None:
    """Fault 17, while it runs; and the one who was told of it is killed before he can do it."""
    process = scene.start()
    scene.follow(process, 3)
    asked = scene.begin("epic", "cancel", scene.epic())
    until(lambda: scene.ask("SELECT 1 FROM commands"), "the cancel is asked for")
    process.kill()
    asked.end()

    ended = scene.here.run("epic", "resume", scene.epic())

    assert ended.code == 1, ended.said
    _final(scene)


@pytest.mark.faults
def test_a_cancel_that_comes_while_it_waits_is_final(scene: Scene) -> None:
    """Fault 17, at a gate: the approval is withdrawn."""
    waits = scene.here.run("epic", "start", "Wait at the plan", "--repo", scene.where)
    assert waits.code == 3, waits.said

    ended = scene.here.run("epic", "cancel", scene.epic())

    assert ended.code == 0, ended.said
    assert scene.ask("SELECT count(*) FROM approvals WHERE status = 'pending'") == [(0,)]
    _final(scene)


def _final(scene: Scene) -> None:
    epic = scene.epic()
    asked = len(scene.server.requests)
    assert scene.status(epic) == "cancelled"
    again = scene.here.run("epic", "resume", epic)
    assert again.code == 1, again.said
    assert scene.status(epic) == "cancelled"
    assert len(scene.server.requests) == asked
    assert len(scene.ask("SELECT 1 FROM events WHERE type = 'epic_ended'")) == 1
    assert scene.git("rev-list", "--count", "main") == "1"
