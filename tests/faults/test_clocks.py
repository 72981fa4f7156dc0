"""A machine whose clock is ten minutes wrong: leases run by the database's clock, and what it writes is neither hidden nor early."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.judging import judge, judge_requests, route_of
from tests.fakes.machine import until
from tests.faults.test_step_boundaries import ROUTE

if TYPE_CHECKING:
    from tests.faults.conftest import Scene

TEN_MINUTES_S = 600.0


@pytest.mark.faults
@pytest.mark.parametrize("skew_s", [-TEN_MINUTES_S, TEN_MINUTES_S], ids=["behind", "ahead"])
def test_an_epic_goes_from_a_right_clock_to_a_wrong_one_and_back(scene: Scene, skew_s: float) -> None:
    """Fault 13: killed on each of three machines; a step back of the clock hides no state, and a step forward ends no lease."""
    wrong = scene.machine("wrong", skew_s=skew_s)
    process = scene.start()
    scene.follow(process, 5)
    process.kill()
    process = wrong.begin("epic", "resume", scene.epic())
    scene.follow(process, 5)

    follower = scene.here.begin("epic", "resume", scene.epic())
    until(lambda: "works on it; this follows" in follower.said, "the second one follows")
    left = scene.ask("SELECT extract(epoch FROM expires_at - clock_timestamp())::float8 FROM leases")[0][0]
    assert -1 < left <= 10

    process.kill()
    ended = follower.end()
    assert ended.code == 0, ended.said
    epic = scene.epic()
    found = judge(scene.database_url, epic, scene.repo)
    found.add(judge_requests(scene.database_url, scene.server.requests, {"": epic}))
    assert found.clean, found
    assert route_of(scene.database_url, epic) == ROUTE
