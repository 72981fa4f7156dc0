"""What every launcher promises of a CLI, whether it is a process or a container."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from executors.claude.local import LocalLauncher
from executors.claude.port import Launcher
from executors.containers.launcher import DockerLauncher
from tests.fakes.container_agents import Agent
from tests.fakes.docker_daemon import docker_host, image

MakeLauncher = Callable[[Agent], Launcher]


@pytest.fixture(params=[pytest.param("local"), pytest.param("docker", marks=pytest.mark.docker)])
async def made(request: pytest.FixtureRequest) -> AsyncGenerator[MakeLauncher]:
    """Makes the launcher that starts an agent's script in the place of the CLI."""
    async with AsyncExitStack() as stack:

        def docker(agent: Agent) -> Launcher:
            launcher = DockerLauncher(
                home=agent.home, git_environment={}, docker_host=docker_host(), image=image(), command=("/workspace/cli",)
            )
            stack.push_async_callback(launcher.close)
            return launcher

        def local(agent: Agent) -> Launcher:
            agent.order()
            return LocalLauncher(agent.tree / "cli")

        yield docker if request.param == "docker" else local


async def test_every_line_is_read_and_the_code_is_told(made: MakeLauncher, tmp_path):
    agent = Agent(tmp_path / "home", "say('one'); say('x' * 300_000); sys.stdout.write('no end'); sys.exit(3)")

    lines, ended = await agent.run(made(agent))

    assert lines == ["one", "x" * 300_000, "no end"]
    assert (ended.code, ended.cause) == (3, "")


async def test_its_last_words_to_standard_error_are_told(made: MakeLauncher, tmp_path):
    agent = Agent(tmp_path / "home", "print('it broke', file=sys.stderr); sys.exit(1)")

    _, ended = await agent.run(made(agent))

    assert "it broke" in ended.said


async def test_it_hears_what_is_said_until_its_input_is_ended(made: MakeLauncher, tmp_path):
    agent = Agent(tmp_path / "home", "[say('heard', line.strip()) for line in sys.stdin]; say('bye')")
    launcher = made(agent)

    async with agent.seated(launcher) as (_, process):
        await process.say(b"one\n")
        await process.say(b"two\n")
        await process.close_input()
        lines = [line async for line in process.lines()]

    assert lines == [b"heard one", b"heard two", b"bye"]


async def test_it_reaches_the_gateway_where_its_url_says(made: MakeLauncher, tmp_path):
    agent = Agent(tmp_path / "home", "say(urllib.request.urlopen(os.environ['GATEWAY']).read().decode())")

    lines, _ = await agent.run(made(agent))

    assert lines == ["gateway"]


async def test_it_works_in_the_tree_and_has_its_settings_where_it_is_told(made: MakeLauncher, tmp_path):
    agent = Agent(tmp_path / "home", "open('made', 'w').write(os.getcwd())")
    launcher = made(agent)

    async with agent.seated(launcher) as (seat, process):
        await process.wait()
        cwd, config, seen = seat.cwd, seat.config, seat.config_seen
        assert config.is_dir()

    assert (agent.tree / "made").read_text() == cwd
    assert Path(seen).is_absolute()


async def test_ending_it_ends_what_it_started_in_sessions_of_their_own(made: MakeLauncher, tmp_path):
    busy = "import time\\nwhile True: open('alive', 'a').write('.'); time.sleep(0.05)"
    agent = Agent(
        tmp_path / "home",
        f"subprocess.Popen([sys.executable, '-c', {busy!r}.encode().decode('unicode_escape')], start_new_session=True); time.sleep(60)",
    )
    launcher = made(agent)
    alive = agent.tree / "alive"

    async with agent.seated(launcher) as (_, process):
        await _until(alive.exists)
        await process.kill()
        await process.kill()
    before = alive.stat().st_size
    await asyncio.sleep(0.3)

    assert alive.stat().st_size == before


async def test_cancelling_whoever_waits_leaves_nothing(made: MakeLauncher, tmp_path):
    agent = Agent(tmp_path / "home", "open('began', 'w'); time.sleep(60)")
    launcher = made(agent)

    running = asyncio.create_task(agent.run(launcher))
    await _until((agent.tree / "began").exists)
    running.cancel()
    await asyncio.wait({running})

    assert running.cancelled()
    assert not await launcher.lives(agent.epic, agent.attempt, agent.owner)
    assert not (tmp_path / "home" / "attempts" / f"{agent.epic}-1").exists()


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.02)
