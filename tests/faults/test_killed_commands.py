"""A worker that is killed while the tests of an attempt run in a container: the next one ends them, and runs them anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from executors.containers.daemon import Daemon
from tests.fakes.claude import need_cli
from tests.fakes.docker_daemon import docker_host, image, open_client
from tests.fakes.machine import until
from tests.fakes.story import TEST_COMMAND

if TYPE_CHECKING:
    from tests.faults.conftest import Scene

pytestmark = [pytest.mark.docker, pytest.mark.faults]


def test_tests_in_a_container_whose_worker_is_killed_are_ended_and_run_anew(scene: Scene) -> None:
    need_cli()
    (scene.repo / "genie.toml").write_text(f"[test]\ncommand = {json.dumps(f'sleep 4 && {TEST_COMMAND}')}\n")
    scene.git("commit", "-q", "-a", "-m", "Test slowly")
    host = scene.machine(
        "with-docker",
        GENIE_EXECUTOR="claude_docker",
        GENIE_DOCKER_HOST=docker_host(),
        GENIE_AGENT_IMAGE=image(),
        GENIE_AGENT_MEMORY_MB="768",
    )
    with open_client(Daemon(docker_host())) as docker:

        def testing() -> list[dict[str, Any]]:
            return [
                each for each in docker.containers(filters={"label": "genie.work=tests"}) if each["Labels"]["genie.epic"] == scene.epic()
            ]

        process = scene.start(on=host)
        assert scene.until_asked(1, process), process.said
        (killed,) = until(testing, "tests run in a container", seconds=120)
        process.kill()
        bought = len(scene.server.requests)
        resumed = host.begin("epic", "resume", scene.epic())
        ended = resumed.end(seconds=400)
        left = docker.containers(all=True, filters={"label": f"genie.epic={scene.epic()}"})
        attempts = scene.ask("SELECT data->>'attempt', count(*) FROM events WHERE type = 'tests_started' GROUP BY 1 ORDER BY 1")

    assert ended.code == 0, ended.said
    assert scene.ask("SELECT status FROM epics") == [("merged",)]
    assert dict(attempts)[killed["Labels"]["genie.attempt"]] == 2
    assert len(scene.server.requests) > bought
    assert len(scene.server.requests) == scene.recorded()
    assert left == []
