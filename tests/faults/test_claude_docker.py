"""Containers whose workers are killed, whose daemon is ended, and which are started by the hundred: the work goes on, and nothing stays."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from executors.containers.confinement import Confines
from executors.containers.daemon import Daemon
from executors.containers.launcher import DockerLauncher
from executors.containers.places import socket_places
from tests.fakes.claude import need_cli
from tests.fakes.container_agents import Agent
from tests.fakes.docker_daemon import docker_host, image, open_client
from tests.fakes.story import make_repository

if TYPE_CHECKING:
    from tests.fakes.machine import Machine
    from tests.faults.conftest import Scene

pytestmark = pytest.mark.docker

SEED = 20261121
KILLS = 20
CYCLES = 200


@pytest.fixture
def docker() -> Iterator[Any]:
    need_cli()
    image()
    with open_client(Daemon(docker_host())) as client:
        yield client


def there(docker: Any) -> set[str]:
    """All that could be left behind; what is there after a test must have been there before."""
    return {
        *(f"container {each['Id']}" for each in docker.containers(all=True)),
        *(f"volume {each['Name']}" for each in docker.volumes()["Volumes"] or []),
        *(f"network {each['Id']}" for each in docker.networks()),
        *(f"sockets {place.folder}" for place in socket_places()),
        *(f"process {pid}" for pid, line in _command_lines() if b"/usr/local/lib/genie/guest.py" in line),
    }


def _command_lines() -> Iterator[tuple[str, bytes]]:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield entry.parent.name, entry.read_bytes()
        except OSError:
            continue


def machine(scene: Scene) -> Machine:
    return scene.machine(
        "with-docker",
        GENIE_EXECUTOR="claude_docker",
        GENIE_DOCKER_HOST=docker_host(),
        GENIE_AGENT_IMAGE=image(),
        GENIE_AGENT_MEMORY_MB="768",
    )


@pytest.mark.faults
def test_an_epic_whose_worker_is_killed_twenty_times_is_merged_and_buys_no_answer_twice(scene: Scene, docker: Any) -> None:
    chance = random.Random(SEED)
    before, host = there(docker), machine(scene)
    # Its tests run in a container too, where the log of effects on this host is not to be seen.
    scene.repo = make_repository(scene.folder / "plain")
    scene.where = str(scene.repo)
    process = scene.start(on=host)
    assert scene.until_asked(1, process), process.said
    kills = 0
    while kills < KILLS and process.code is None:
        time.sleep(chance.uniform(0, 2.0))
        if process.code is not None:
            break
        process.kill()
        kills += 1
        asked = len(scene.server.requests)
        # The turn under way goes on inside; a call that was asked for and not recorded is the only thing that may be bought again.
        lost = asked - scene.recorded()
        assert lost <= kills
        process = host.begin("epic", "resume", scene.epic())
        if kills % 2:
            scene.until_asked(asked + 1, process)
    ended = process.end(seconds=600)
    adopted = len(scene.ask("SELECT 1 FROM events WHERE type = 'agent_adopted'"))

    assert ended.code == 0, ended.said
    assert kills == KILLS
    assert adopted > 0
    assert scene.ask("SELECT status FROM epics") == [("merged",)]
    assert len(scene.server.requests) - scene.recorded() <= kills
    attempts = scene.git("log", "main", "--format=%(trailers:key=Genie-Attempt,valueonly)").split()
    assert len(attempts) == len(set(attempts))
    assert host.run("container", "sweep", "--json").code == 0
    assert there(docker) <= before


@pytest.mark.faults
async def test_two_hundred_containers_that_are_started_and_killed_leave_nothing(docker: Any, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    before = there(docker)
    agent = Agent(tmp_path / "home", "subprocess.Popen(['sleep', '60'], start_new_session=True); say('up'); time.sleep(60)")
    launcher = DockerLauncher(
        home=agent.home,
        git_environment={},
        docker_host=docker_host(),
        image=image(),
        command=("/workspace/cli",),
        confines=Confines(memory_mb=128, pids=32, scratch_mb=16),
    )
    for _ in range(CYCLES):
        running = asyncio.create_task(agent.run(launcher))
        await asyncio.sleep(chance.uniform(0, 0.6))
        running.cancel()
        await asyncio.wait({running})
        assert running.cancelled()
    await launcher.close()

    assert there(docker) <= before
    assert list((tmp_path / "home" / "attempts").iterdir()) == []
