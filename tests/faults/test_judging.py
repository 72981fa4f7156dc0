"""The judge himself: he must see what is lost, doubled and paid twice, or the soak could not fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.judging import judge, judge_requests

if TYPE_CHECKING:
    from tests.faults.conftest import Scene


@pytest.mark.faults
def test_the_judge_sees_what_is_lost_doubled_and_paid_twice(scene: Scene) -> None:
    """An epic that went well is clean; then each kind of wrong is done to its traces by hand."""
    ended = scene.start().end()
    assert ended.code == 0, ended.said
    epic = scene.epic()
    requests = list(scene.server.requests)

    assert judge(scene.database_url, epic, scene.repo).clean
    assert judge_requests(scene.database_url, requests, {"": epic}).clean

    again = {**requests[3], "at": requests[-1]["at"] + 60}
    assert len(_bought(scene, [*requests, again], epic).paid_twice) == 1
    cut_off = {**requests[3], "at": requests[3]["at"] - 60}
    found = _bought(scene, [*requests, cut_off], epic)
    assert (found.paid_twice, found.in_flight) == ([], 1)

    head = scene.git("rev-parse", "main")
    scene.git("update-ref", "refs/heads/main", f"{head}~1")
    scene.git("update-ref", "refs/heads/main", head)
    assert judge(scene.database_url, epic, scene.repo).doubled == [f"{epic}: main was moved 3 times"]
    _write(scene, "INSERT INTO events (epic_id, n, type) SELECT id, last_event + 1, 'epic_ended' FROM epics WHERE id = %s", epic)
    _write(scene, "UPDATE epics SET last_event = last_event + 1, status = 'queued' WHERE id = %s", epic)
    found = judge(scene.database_url, epic, scene.repo)
    assert found.lost == [f"{epic} is queued"]
    assert f"{epic}: it ended 2 times" in found.doubled


def _bought(scene: Scene, requests: list[dict[str, Any]], epic: str) -> Any:
    return judge_requests(scene.database_url, requests, {"": epic})


def _write(scene: Scene, statement: str, epic: str) -> None:
    import psycopg

    with psycopg.connect(scene.database_url, autocommit=True) as connection:
        connection.execute(statement.encode(), [epic])
