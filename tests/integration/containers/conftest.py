"""Containers under test: the daemon, the image, and launchers that leave nothing open."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from executors.containers.confinement import Confines
from executors.containers.daemon import Daemon
from executors.containers.launcher import DockerLauncher
from tests.fakes.docker_daemon import docker_host, image, open_client


class MakeLauncher(Protocol):
    """Makes a launcher that starts `/workspace/cli` in the place of the CLI."""

    def __call__(self, home: Path, **changed: Any) -> DockerLauncher: ...


@pytest.fixture(scope="session")
def agent_image() -> str:
    return image()


@pytest.fixture
async def launcher_of(agent_image: str) -> AsyncGenerator[MakeLauncher]:
    async with AsyncExitStack() as stack:

        def make(home: Path, **changed: Any) -> DockerLauncher:
            terms: dict[str, Any] = {
                "git_environment": {"PATH": "/usr/bin:/bin"},
                "docker_host": docker_host(),
                "image": agent_image,
                "command": ("/workspace/cli",),
                "confines": Confines(memory_mb=256, pids=64, scratch_mb=32),
            }
            launcher = DockerLauncher(home=home, **{**terms, **changed})
            stack.push_async_callback(launcher.close)
            return launcher

        yield make


@pytest.fixture
def docker(agent_image: str) -> Iterator[Any]:
    """Docker's own client, for looking at what really is and for meddling from outside."""
    del agent_image
    with open_client(Daemon(docker_host())) as client:
        yield client
