"""Workers that are killed while they begin the parts of a request: each part is begun once, and the request ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.fakes.machine import until

if TYPE_CHECKING:
    from tests.faults.conftest import Scene

PARTS = 8


@pytest.mark.faults
def test_a_worker_that_is_killed_between_the_starts_of_parts_has_begun_none_twice(
    make_scene: Callable[..., Scene], database_url: str
) -> None:
    scene = make_scene(database_url, pause_s=0.3)
    text = "\n".join(f"{n}. Design module {n}" for n in range(1, PARTS + 1))
    asked = scene.here.run("ask", text, "--repo", scene.where, "--detach", "--json")
    assert asked.code == 0, asked.said
    ask = str(asked.json["id"])

    for so_many in (1, 3, 5):
        worker = scene.begin("worker")
        until(lambda n=so_many: begun(scene) >= n, f"{so_many} parts are begun", every_s=0.01)
        worker.kill()
        # In the middle of it, at least the first time.
        assert begun(scene) < PARTS or so_many > 1
        # What the dead one had claimed would else be left alone for a minute.
        scene.do("UPDATE asks SET look_at = clock_timestamp()")
    last = scene.begin("worker")
    until(lambda: scene.ask("SELECT status FROM asks") != [("running",)], "the request has ended", seconds=120, every_s=0.1)

    assert last.code is None
    shown = scene.here.run("asks", "show", ask, "--json").json
    works = [part["work"] for part in shown["parts"]]
    assert len(set(works)) == PARTS
    assert sorted(works) == sorted(row[0] for row in scene.ask("SELECT id FROM runs"))
    assert scene.ask("SELECT count(*) FROM attempts") == [(PARTS,)]
    assert scene.ask("SELECT count(*) FROM events WHERE type = 'run_ended'") == [(PARTS,)]
    assert [part["n"] for part in shown["parts"]] == list(range(1, PARTS + 1))


def begun(scene: Scene) -> int:
    """How many parts are begun."""
    return int(scene.ask("SELECT count(*) FROM runs")[0][0])
