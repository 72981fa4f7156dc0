"""How containers end, each told by its name."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from epics.errors import Environment
from executors.claude.port import AgentProcess, Exit
from executors.containers.confinement import Confines
from executors.containers.labels import container_name
from executors.containers.launcher import DockerLauncher
from tests.fakes.container_agents import Agent, gateway, launch

pytestmark = pytest.mark.docker

SMALL = Confines(memory_mb=128, pids=48, scratch_mb=16)


@asynccontextmanager
async def at_work(agent: Agent, launcher: DockerLauncher, *, seconds: float = 30.0) -> AsyncGenerator[tuple[str, AgentProcess]]:
    """A container at work, by its name."""
    async with launcher.seat(agent.order(), agent.journal) as seat, gateway(seat):
        process = await seat.start(launch(seconds=seconds))
        yield container_name(agent.database, agent.epic, agent.attempt, agent.home), process


async def ended(process: AgentProcess) -> Exit:
    async with asyncio.timeout(30):
        return await process.wait()


@pytest.mark.parametrize("meddle", ["stop", "kill", "remove"])
async def test_one_that_is_ended_from_outside_was_stopped(launcher_of, docker, tmp_path, meddle):
    agent = Agent(tmp_path / "home", "time.sleep(60)")
    by: dict[str, Callable[[str], Any]] = {
        "stop": lambda name: docker.stop(name, timeout=2),
        "kill": docker.kill,
        "remove": lambda name: docker.remove_container(name, force=True),
    }

    async with at_work(agent, launcher_of(agent.home)) as (name, process):
        await asyncio.to_thread(by[meddle], name)
        found = await ended(process)

    assert found.cause == "stopped"


async def test_one_that_is_paused_is_told_of_and_ends_at_its_deadline(launcher_of, docker, tmp_path):
    agent = Agent(tmp_path / "home", "time.sleep(60)")

    async with at_work(agent, launcher_of(agent.home), seconds=2.0) as (name, process):
        await asyncio.to_thread(docker.pause, name)
        found = await ended(process)

    assert found.cause == "paused"
    assert ("container_paused", {"container": name}) in agent.journal.notes
    assert docker.containers(all=True, filters={"name": name}) == []


async def until_noted(agent: Agent, wanted: str) -> None:
    async with asyncio.timeout(10):
        while not any(kind == wanted for kind, _ in agent.journal.notes):
            await asyncio.sleep(0.05)


async def test_one_that_is_paused_and_resumed_goes_on(launcher_of, docker, tmp_path):
    agent = Agent(tmp_path / "home", "sys.stdin.read(); say('done')")

    async with at_work(agent, launcher_of(agent.home)) as (name, process):
        waiting = asyncio.create_task(process.wait())
        await asyncio.to_thread(docker.pause, name)
        await until_noted(agent, "container_paused")
        await asyncio.to_thread(docker.unpause, name)
        # It is looked at now and then: one that ends at once was never seen at work again.
        await until_noted(agent, "container_resumed")
        await process.close_input()
        found = await waiting

    assert (found.code, found.cause) == (0, "")
    assert [kind for kind, _ in agent.journal.notes] == ["container_started", "container_paused", "container_resumed"]


async def test_its_first_process_ends_it_at_its_deadline_when_nobody_watches(launcher_of, docker, tmp_path):
    agent = Agent(tmp_path / "home", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)")

    async with at_work(agent, launcher_of(agent.home), seconds=1.5) as (name, process):
        code = (await asyncio.to_thread(docker.wait, name, timeout=20))["StatusCode"]
        found = await ended(process)

    assert code == 124
    assert found.cause == "timeout"


async def test_a_memory_bomb_stays_inside_and_is_named(launcher_of, tmp_path):
    agent = Agent(tmp_path / "home", "x = []\nwhile True: x.append(bytearray(os.urandom(1) * 8_000_000))")

    _, found = await agent.run(launcher_of(agent.home, confines=SMALL))

    assert found.cause == "out_of_memory"
    assert "GENIE_AGENT_MEMORY_MB" in found.said


async def test_a_fork_bomb_stays_inside(launcher_of, tmp_path):
    bomb = """
import threading
made = 0
try:
    for _ in range(5000):
        subprocess.Popen(["sleep", "30"]); made += 1
except OSError as error:
    say(made, error.errno)
"""
    agent = Agent(tmp_path / "home", bomb)
    before = _sleepers()

    lines, found = await agent.run(launcher_of(agent.home, confines=SMALL))

    made, errno = map(int, lines[-1].split())
    assert (made < 48, errno) == (True, 11)
    assert found.code == 0
    assert _sleepers() == before


async def test_scratch_that_is_full_stays_inside_and_is_named(launcher_of, tmp_path):
    agent = Agent(tmp_path / "home", "open('/tmp/x', 'wb').write(bytes(64_000_000))")

    _, found = await agent.run(launcher_of(agent.home, confines=SMALL))

    assert found.cause == "disk_full"


async def test_it_ends_before_the_disk_of_the_work_tree_is_full(launcher_of, tmp_path):
    agent = Agent(tmp_path / "home", "f = open('x', 'wb')\nwhile True: f.write(bytes(1_000_000)); f.flush(); time.sleep(0.02)")
    agent.tree.mkdir(parents=True)

    with _small_disk(agent.tree):
        _, found = await agent.run(launcher_of(agent.home, confines=Confines(memory_mb=128, pids=48, disk_floor_mb=20)))

    assert found.cause == "disk_full"
    assert "20 MiB" in found.said


async def test_one_is_not_started_where_the_disk_is_full_already(launcher_of, tmp_path):
    agent = Agent(tmp_path / "home")

    with pytest.raises(Environment) as refused:
        await agent.run(launcher_of(agent.home, confines=Confines(memory_mb=128, disk_floor_mb=1_000_000_000)))

    assert refused.value.cause == "disk_full"


async def test_an_image_that_is_missing_is_named_with_the_way_to_it(launcher_of, tmp_path):
    agent = Agent(tmp_path / "home")
    launcher = launcher_of(agent.home, image="genie-no-such-image")

    with pytest.raises(Environment, match="genie container image") as checked:
        launcher.check()
    with pytest.raises(Environment) as started:
        await agent.run(launcher)

    assert (checked.value.cause, started.value.cause) == ("image_missing", "image_missing")


async def test_a_daemon_that_is_not_there_is_named(launcher_of, tmp_path):
    agent = Agent(tmp_path / "home")
    launcher = launcher_of(agent.home, docker_host=f"unix://{tmp_path}/no.sock")

    with pytest.raises(Environment, match="does not answer") as checked:
        launcher.check()
    with pytest.raises(Environment) as started:
        await agent.run(launcher)

    assert (checked.value.cause, started.value.cause) == ("daemon_lost", "daemon_lost")


async def test_one_that_was_made_and_never_started_is_not_waited_for(launcher_of, docker, tmp_path):
    agent = Agent(tmp_path / "home", "say('hello')")
    agent.order()
    left = container_name(agent.database, agent.epic, 1, agent.home)
    docker.create_container("genie-agent-tests", name=left, labels={"genie": "1"})

    lines, found = await agent.run(launcher_of(agent.home))

    assert (lines, found.code) == (["hello"], 0)
    assert docker.containers(all=True, filters={"name": left}) == []


async def test_it_starts_when_memory_for_it_is_free_and_says_that_it_waits(launcher_of, tmp_path):
    agent = Agent(tmp_path / "home")
    launcher = launcher_of(agent.home, confines=Confines(memory_mb=900_000))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await agent.run(launcher)

    assert [kind for kind, _ in agent.journal.notes] == ["container_waits"]
    assert "GENIE_AGENT_MEMORY_MB" in agent.journal.notes[0][1]["why"]


def _sleepers() -> int:
    return subprocess.run(["pgrep", "-cx", "sleep"], capture_output=True, check=False).stdout.count(b"sleep 30")


@contextmanager
def _small_disk(place: Path):
    """A disk of 64 MiB at a place, which only root can have."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("no small disk can be mounted here: that takes root")
    try:
        yield
    finally:
        for _ in range(20):
            if subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.1)
