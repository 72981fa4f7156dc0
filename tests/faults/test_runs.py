"""Workers that are killed while they run a workflow without an epic: it ends all the same, and nothing is paid for twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.fakes.machine import until
from tests.fakes.story import GOAL

if TYPE_CHECKING:
    from tests.faults.conftest import Scene


@pytest.mark.faults
def test_a_run_whose_worker_is_killed_again_and_again_ends_with_each_answer_paid_once(
    make_scene: Callable[..., Scene], database_url: str
) -> None:
    scene = make_scene(database_url, pause_s=0.4)
    asked = scene.here.run("agent", "run", "implement", "--task", GOAL, "--repo", scene.where, "--detach", "--json")
    assert asked.code == 0, asked.said
    run = str(asked.json["id"])

    for answers in (1, 2):
        worker = scene.begin("worker")
        until(lambda so_many=answers: scene.recorded() >= so_many or scene.status(run) == "done", f"{answers} answers are recorded")
        worker.kill()
    last = scene.begin("worker")
    scene.until_status(run, "done", "failed", "cancelled")

    assert last.code is None
    shown = scene.here.run("run", "show", run, "--json").json
    assert (shown["status"], shown["branch"]) == ("done", f"genie/{run}/implement/attempt_1")
    assert scene.git("show", "--stat", "--format=", shown["branch"])
    # Each request was for an answer that is recorded, or in flight at a kill; its reservation is kept then.
    in_flight = scene.ask("SELECT count(*) FROM calls WHERE state = 'reserved'")[0][0]
    assert len(scene.server.requests) <= scene.recorded() + in_flight
    assert in_flight <= 2
    assert scene.ask("SELECT count(*) FROM attempts") == [(1,)]
    assert scene.ask("SELECT count(*) FROM events WHERE type = 'run_ended'") == [(1,)]
