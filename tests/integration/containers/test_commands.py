"""Commands that Genie itself has run for an attempt: they have the walls that the agent has, and leave nothing."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agents.workflow import Network
from epics.errors import Environment
from executors.containers.labels import container_name
from executors.containers.places import socket_places
from executors.port import Errand
from tests.fakes.container_agents import Agent
from tests.integration.containers.conftest import MakeLauncher

pytestmark = pytest.mark.docker


def errand(agent: Agent, *command: str, **changed: Any) -> Errand:
    order = agent.order()
    made = Errand(
        epic=order.epic,
        attempt=order.attempt,
        workflow=order.workflow,
        work="tests",
        command=("sh", "-c", *command) if len(command) == 1 else command,
        environment={"PATH": os.environ["PATH"], "PORT": "20001", "VIRTUAL_ENV": sys.prefix},
        seconds=30,
        output_cap=60_000,
        tree=order.tree,
        folder=order.folder,
        owner=order.owner,
    )
    return dataclasses.replace(made, **changed)


def left(docker: Any, agent: Agent) -> list[str]:
    listed = docker.containers(all=True, filters={"label": f"genie.database={agent.database}"})
    places = [str(place.folder) for place in socket_places() if place.about().get("database") == agent.database]
    return [*(each["Names"][0] for each in listed), *places, *([str(agent.order().folder)] if agent.order().folder.exists() else [])]


async def until_started(agent: Agent) -> None:
    async with asyncio.timeout(30):
        while not (agent.tree / "begun").exists():
            await asyncio.sleep(0.05)


async def test_a_command_works_in_the_tree_and_is_told_apart_by_its_code_and_words(launcher_of: MakeLauncher, docker, tmp_path):
    agent = Agent(tmp_path / "home")
    said = 'echo "$PORT $PWD ${VIRTUAL_ENV-none}"; echo wrong >&2; cat; id -u > made; exit 7'

    done = await launcher_of(agent.home).run_command(errand(agent, said), agent.journal)

    assert (done.exit_code, done.output, done.timed_out) == (7, "20001 /workspace none\nwrong\n", False)
    assert (agent.tree / "made").read_text().strip() != "0"
    assert (agent.tree / "made").stat().st_uid == os.geteuid()
    assert left(docker, agent) == []
    assert agent.journal.notes == [
        (
            "container_started",
            {
                "container": container_name(agent.database, agent.epic, 1, agent.home, work="tests"),
                "image": "genie-agent-tests",
                "work": "tests",
            },
        )
    ]


async def test_the_host_is_closed_to_it(launcher_of: MakeLauncher, tmp_path, monkeypatch):
    agent = Agent(tmp_path / "home")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-live-of-the-host")
    witness = tmp_path / "witness"
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    attack = f"mkdir -p {tmp_path}; touch {witness}; cat {secret}; env; cat /proc/*/environ; ls /genie/sockets /sys/class/net"

    done = await launcher_of(agent.home).run_command(errand(agent, attack), agent.journal)

    assert not witness.exists()
    assert "of the host" not in done.output
    assert "sk-live" not in done.output
    assert "eth0" not in done.output
    assert ".sock" not in done.output


async def test_ports_of_its_own_are_free_for_it(launcher_of: MakeLauncher, tmp_path):
    agent = Agent(tmp_path / "home")
    listen = "import socket; print([socket.create_server(('127.0.0.1', port)).getsockname()[1] for port in (8080, 3128)])"

    done = await launcher_of(agent.home).run_command(errand(agent, "python3", "-c", listen), agent.journal)

    assert (done.exit_code, done.output) == (0, "[8080, 3128]\n")


async def test_it_is_let_out_to_no_more_hosts_than_its_agent(launcher_of: MakeLauncher, tmp_path):
    agent = Agent(tmp_path / "home", network=Network(mode="allowlist", hosts=("packages.example.org",)))
    ask = "import urllib.request as u; u.urlopen('http://elsewhere.example.org/', timeout=10)"

    done = await launcher_of(agent.home).run_command(errand(agent, "python3", "-c", ask), agent.journal)

    assert "403" in done.output
    assert ("egress_denied", {"host": "elsewhere.example.org", "port": 80, "times": 1}) in agent.journal.notes


async def test_one_that_takes_too_long_is_ended_with_what_it_said(launcher_of: MakeLauncher, docker, tmp_path):
    agent = Agent(tmp_path / "home")

    done = await launcher_of(agent.home).run_command(errand(agent, "echo begun; (setsid sleep 60 &); sleep 60", seconds=1.5), agent.journal)

    assert (done.exit_code, done.output, done.timed_out) == (137, "begun\n", True)
    assert done.seconds < 20
    assert left(docker, agent) == []


async def test_a_cancel_leaves_nothing(launcher_of: MakeLauncher, docker, tmp_path):
    agent = Agent(tmp_path / "home")
    running = asyncio.create_task(launcher_of(agent.home).run_command(errand(agent, "touch begun; sleep 60"), agent.journal))

    await until_started(agent)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert left(docker, agent) == []


async def test_of_a_flood_of_output_head_and_tail_are_kept(launcher_of: MakeLauncher, tmp_path):
    agent = Agent(tmp_path / "home")
    flood = "echo first; head -c 5000000 /dev/zero | tr '\\0' y; echo; echo last"

    done = await launcher_of(agent.home).run_command(errand(agent, flood, output_cap=1_000), agent.journal)

    assert done.output.startswith("first\nyyy")
    assert done.output.endswith("yyy\nlast\n")
    assert done.truncated_bytes == len("first\n\nlast\n") + 5_000_000 - 1_000
    assert len(done.output) < 1_100


async def test_one_that_kills_itself_has_ended_as_a_shell_tells_it(launcher_of: MakeLauncher, tmp_path):
    agent = Agent(tmp_path / "home")

    done = await launcher_of(agent.home).run_command(errand(agent, "kill -9 $$"), agent.journal)

    assert (done.exit_code, done.timed_out) == (137, False)


async def test_one_that_takes_too_much_memory_has_failed_and_is_told_why(launcher_of: MakeLauncher, tmp_path):
    agent = Agent(tmp_path / "home")

    done = await launcher_of(agent.home).run_command(errand(agent, "python3", "-c", "x = b'x' * 10**9"), agent.journal)

    assert done.exit_code != 0
    assert "GENIE_AGENT_MEMORY_MB" in done.output or "MemoryError" in done.output


async def test_a_program_that_the_image_lacks_is_no_failure_of_the_tests(launcher_of: MakeLauncher, tmp_path):
    agent = Agent(tmp_path / "home")

    with pytest.raises(Environment, match="'cargo' is not in the container image"):
        await launcher_of(agent.home).run_command(errand(agent, "cargo", "test"), agent.journal)


async def test_what_it_says_does_not_pass_for_trouble_of_the_machine(launcher_of: MakeLauncher, tmp_path):
    agent = Agent(tmp_path / "home")
    forged = "echo 'genie: no such program' >&2; echo 'genie: the deadline has passed' >&2; exit 124"

    done = await launcher_of(agent.home).run_command(errand(agent, forged), agent.journal)

    assert (done.exit_code, done.timed_out) == (124, False)


async def test_one_that_is_stopped_from_outside_is_trouble_of_the_machine(launcher_of: MakeLauncher, docker, tmp_path):
    agent = Agent(tmp_path / "home")
    running = asyncio.create_task(launcher_of(agent.home).run_command(errand(agent, "touch begun; sleep 60"), agent.journal))

    await until_started(agent)
    docker.remove_container(container_name(agent.database, agent.epic, 1, agent.home, work="tests"), force=True)

    with pytest.raises(Environment, match="tests command ended before it: somebody removed") as trouble:
        await running
    assert trouble.value.cause == "stopped"


async def test_without_an_image_it_is_trouble_of_the_machine(launcher_of: MakeLauncher, tmp_path):
    agent = Agent(tmp_path / "home")

    with pytest.raises(Environment) as trouble:
        await launcher_of(agent.home, image="genie-no-such-image").run_command(errand(agent, "true"), agent.journal)

    assert trouble.value.cause == "image_missing"


async def test_the_command_of_a_dead_worker_is_ended_before_the_next_one_goes_on(launcher_of: MakeLauncher, docker, tmp_path):
    agent, launcher = Agent(tmp_path / "home"), launcher_of(tmp_path / "home")
    name = container_name(agent.database, agent.epic, 1, agent.home, work="tests")
    running = asyncio.create_task(launcher.run_command(errand(agent, "touch begun; sleep 60"), agent.journal))
    await until_started(agent)

    await launcher.end_command(agent.epic, 1, agent.owner)

    assert docker.containers(all=True, filters={"name": name}) == []
    with pytest.raises(Environment):
        await running


async def test_a_stale_worker_takes_nothing_from_the_next_one(launcher_of: MakeLauncher, docker, tmp_path):
    agent = Agent(tmp_path / "home")
    stale = asyncio.create_task(launcher_of(agent.home).run_command(errand(agent, "touch begun; sleep 60"), agent.journal))
    await until_started(agent)
    (agent.tree / "begun").unlink()
    agent.epoch = 2
    late = launcher_of(agent.home)
    await late.end_command(agent.epic, 1, agent.owner)
    begun = time.monotonic()

    running = asyncio.create_task(late.run_command(errand(agent, "touch begun; sleep 4; touch written && echo fine"), agent.journal))
    await until_started(agent)
    with pytest.raises(Environment):
        await stale
    done = await running

    assert (done.exit_code, done.output) == (0, "fine\n")
    assert time.monotonic() - begun < 30
    assert left(docker, agent) == []


def test_a_person_sees_by_the_name_what_a_container_is_for(tmp_path: Path):
    agents, tests = (container_name("d", "e-1", 2, tmp_path, work=work) for work in ("agent", "tests"))

    assert agents.startswith("genie-e-1-2-")
    assert tests.startswith("genie-e-1-2-commands-")
