"""Setup and tests of attempts whose executor closes its agents in: they run what an agent wrote, and the host is closed to them."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.engine import Engine
from executors.containers.confinement import Confines
from executors.containers.daemon import Daemon
from executors.containers.launcher import DockerLauncher
from executors.port import Errand, Executor, Journal, Notes, Order, Outcome, Owner
from tests.fakes.docker_daemon import docker_host, image, open_client
from tests.integration.epics.plays import Played, play
from tools.processes import ProcessResult

pytestmark = [pytest.mark.postgres, pytest.mark.docker]

SECRET = "sk-live-of-the-worker"

CHECK = "grep -q hello greeting.txt\n"
SETUP = """
[environment]
links = ["packages", "settings.ini"]
setup = "echo set up by $(id -u) in $PWD; cat settings.ini; exit 3"
"""


class ClosedIn:
    """Agents that play a script, and whose commands are closed in."""

    def __init__(self, agents: Executor, commands: DockerLauncher) -> None:
        self._agents = agents
        self._commands = commands
        self.ended: list[int] = []

    @property
    def name(self) -> str:
        return self._agents.name

    def check_models(self, models: tuple[str, ...]) -> None:
        self._agents.check_models(models)

    async def run(self, order: Order, journal: Journal) -> Outcome:
        return await self._agents.run(order, journal)

    async def run_command(self, errand: Errand, notes: Notes) -> ProcessResult:
        return await self._commands.run_command(errand, notes)

    async def end_command(self, epic: str, attempt: int, owner: Owner) -> None:
        self.ended.append(attempt)
        await self._commands.end_command(epic, attempt, owner)


@pytest.fixture
async def launcher(tmp_path: Path) -> AsyncGenerator[DockerLauncher]:
    made = DockerLauncher(
        home=tmp_path / "home",
        git_environment={"PATH": os.environ["PATH"]},
        docker_host=docker_host(),
        image=image(),
        confines=Confines(memory_mb=256, pids=64, scratch_mb=32),
    )
    yield made
    await made.close()


def closed_in(epic: Played, launcher: DockerLauncher) -> Played:
    executor = ClosedIn(epic.engine._installation.executors["scripted"], launcher)
    return replace(epic, engine=Engine(replace(epic.engine._installation, executors={"scripted": executor})))


def left(epic: Played) -> list[Any]:
    with open_client(Daemon(docker_host())) as client:
        return client.containers(all=True, filters={"label": f"genie.epic={epic.id}"})


async def test_tests_that_attack_the_host_gain_nothing_and_are_judged_by_what_comes_of_them(begin, launcher, tmp_path, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    secret, witnesses = tmp_path / "secret", [tmp_path / "witness", tmp_path / "home" / "witness", tmp_path / "home" / "repos" / "witness"]
    secret.write_text("of the host\n")
    attack = "".join(f"mkdir -p {path.parent}; echo x > {path}; " for path in witnesses) + f"cat {secret}; env; "
    attack += "cat /proc/*/environ; ls /dev; ls /genie/sockets; echo attacked;\n"
    script = attack + CHECK
    plays = [
        play("implement", {"write": {"greeting.txt": "good bye\n", "src/check.sh": script}}),
        play("fix", {"write": {"greeting.txt": "hello\n"}}),
    ]
    epic = await begin(plays, toml='[test]\ncommand = "sh src/check.sh"\n', files={"src/check.sh": CHECK}, auto_approve=True)
    epic = closed_in(epic, launcher)

    ended = await epic.go()

    events = [(event.type, event.data) for event in await epic.engine.events(epic.id)]
    ran = [data for kind, data in events if kind == "tests_finished"]
    assert ended.status == "merged", ended.failure
    assert [data["passed"] for data in ran] == [False, True]
    assert all("attacked" in data["tail"] for data in ran)
    said = "".join(data["tail"] for data in ran)
    assert SECRET not in said
    assert "of the host" not in said
    assert ".sock" not in said
    assert [path for path in witnesses if path.exists()] == []
    assert [data["work"] for kind, data in events if kind == "container_started"] == ["tests", "tests"]
    assert left(epic) == []


async def test_setup_runs_inside_where_copies_are_and_links_would_lead_nowhere(begin, launcher):
    epic = await begin(toml=SETUP, files={".gitignore": "packages/\nsettings.ini\n"}, autonomy="ask")
    (epic.repo / "packages").mkdir()
    (epic.repo / "packages" / "one").write_text("of the checkout\n")
    (epic.repo / "settings.ini").write_text("copied from the checkout\n")
    epic = closed_in(epic, launcher)

    asked = await epic.go()

    setup = await epic.engine.setup_log(epic.id, 1)
    assert asked.failure is not None
    assert asked.failure.type == "environment"
    assert setup.exit_code == 3
    assert f"set up by {1000 if os.geteuid() == 0 else os.geteuid()} in /workspace\ncopied from the checkout\n" in setup.log
    assert "packages: not borrowed, " in setup.log
    assert left(epic) == []


async def test_a_program_that_the_image_lacks_fails_the_attempt_as_one_of_its_environment(begin, launcher):
    epic = await begin(toml="", files={"go.mod": "module greet\n"}, auto_approve=True, autonomy="ask")
    epic = closed_in(epic, launcher)

    asked = await epic.go()

    assert asked.failure is not None
    assert asked.failure.type == "environment"
    assert "'go' is not in the container image" in asked.failure.evidence
    assert left(epic) == []
