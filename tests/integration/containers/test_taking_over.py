"""Containers whose worker was killed: they go on, and the next worker of the host takes them over."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from executors.containers.labels import container_name
from executors.containers.places import socket_place
from tests.fakes.container_agents import Agent, gateway, launch
from tests.fakes.docker_daemon import docker_host

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[3]
CHATS = """
say('began')
for line in sys.stdin:
    word = line.strip()
    if word == 'ask':
        word = urllib.request.urlopen(os.environ['GATEWAY']).read().decode()
    say('heard', word)
"""
WORKER = """
import asyncio, sys
from pathlib import Path
from executors.containers.confinement import Confines
from executors.containers.launcher import DockerLauncher
from tests.fakes.container_agents import Agent

async def work():
    home, database, host = sys.argv[1:]
    agent = Agent(Path(home), database=database)
    launcher = DockerLauncher(home=agent.home, git_environment={}, docker_host=host, image="genie-agent-tests",
                              command=("/workspace/cli",), confines=Confines(memory_mb=256, pids=64, scratch_mb=32))
    async with agent.seated(launcher) as (_, process):
        await process.say(b"first\\n")
        async for line in process.lines():
            print(line.decode(), flush=True)

asyncio.run(work())
"""


async def kill_worker_of(agent: Agent, *, after: str = "heard first") -> None:
    """Let another process be the worker that starts the container, and kill it when its agent has said so."""
    agent.order()
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WORKER, str(agent.home), agent.database, docker_host()),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert worker.stdout is not None
    async with asyncio.timeout(30):
        while (await worker.stdout.readline()).decode().strip() != after:
            assert worker.returncode is None, "the worker ended by itself"
    worker.send_signal(signal.SIGKILL)
    await worker.wait()


@pytest.fixture
async def orphan(agent_image, docker, tmp_path):
    """An agent whose worker was killed."""
    del agent_image
    agent = Agent(tmp_path / "home", CHATS)
    await kill_worker_of(agent)
    yield agent
    name = container_name(agent.database, agent.epic, agent.attempt, agent.home)
    for left in docker.containers(all=True, filters={"name": name}):
        docker.remove_container(left["Id"], force=True)
    socket_place(name).remove()


async def test_the_next_worker_reads_it_from_the_start_and_speaks_with_it(orphan, launcher_of):
    launcher = launcher_of(orphan.home)
    assert await launcher.lives(orphan.epic, orphan.attempt, orphan.owner)

    async with orphan.seated(launcher) as (_, process):
        await process.say(b"second\n")
        await process.say(b"ask\n")
        await process.close_input()
        lines = [line.decode() async for line in process.lines()]
        found = await process.wait()

    assert process.adopted
    assert lines == ["began", "heard first", "heard second", "heard gateway"]
    assert found.code == 0
    assert not await launcher.lives(orphan.epic, orphan.attempt, orphan.owner)


async def test_one_that_ended_meanwhile_is_still_read_where_it_was_said_to_live(orphan, launcher_of, docker):
    launcher = launcher_of(orphan.home)
    assert await launcher.lives(orphan.epic, orphan.attempt, orphan.owner)
    docker.kill(container_name(orphan.database, orphan.epic, orphan.attempt, orphan.home))

    async with launcher.seat(orphan.order(), orphan.journal) as seat, gateway(seat):
        process = await seat.alive()
        assert process is not None
        lines = [line.decode() async for line in process.lines()]
        found = await process.wait()

    assert lines == ["began", "heard first"]
    assert found.cause == "stopped"


async def test_one_of_another_database_or_home_does_not_live_for_this_one(orphan, launcher_of, tmp_path):
    here, elsewhere = launcher_of(orphan.home), launcher_of(tmp_path / "other")

    assert not await elsewhere.lives(orphan.epic, orphan.attempt, orphan.owner)
    assert not await here.lives(orphan.epic, orphan.attempt, replace(orphan.owner, database="another"))


async def test_a_worker_that_lost_the_epic_leaves_the_container_to_its_successor(agent_image, launcher_of, docker, tmp_path):
    del agent_image
    first = Agent(tmp_path / "home", CHATS, epoch=1)
    second = Agent(first.home, CHATS, database=first.database, epoch=2)
    old, new = launcher_of(first.home), launcher_of(first.home)
    name = container_name(first.database, first.epic, first.attempt, first.home)

    async with old.seat(first.order(), first.journal) as mine, gateway(mine):
        lost = await mine.start(launch())
        successor = new.seat(second.order(), second.journal)
        seat = await successor.__aenter__()
        await lost.kill()
    still_there = docker.containers(filters={"name": name})
    process = await seat.alive()
    await successor.__aexit__(None, None, None)

    assert len(still_there) == 1
    assert process is not None
    assert docker.containers(all=True, filters={"name": name}) == []


async def test_nothing_is_left_when_all_is_over(orphan, launcher_of, docker):
    launcher = launcher_of(orphan.home)

    async with orphan.seated(launcher) as (seat, process):
        sockets = seat.socket
        await process.close_input()
        await process.wait()

    assert sockets is not None
    assert not sockets.parent.exists()
    assert docker.containers(all=True, filters={"label": f"genie.database={orphan.database}"}) == []
    assert docker.volumes()["Volumes"] in (None, [])
    assert list((orphan.home / "attempts").iterdir()) == []
    assert {path.stat().st_uid for path in orphan.tree.rglob("*")} == {os.geteuid()}
