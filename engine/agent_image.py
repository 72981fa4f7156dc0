"""The image that agents' containers are started from: made, and looked at, without a database."""

from __future__ import annotations

import asyncio
from pathlib import Path

from epics.errors import GenieError
from epics.records import Record
from executors.claude.finding import find_cli
from executors.containers.daemon import Daemon
from executors.containers.launcher import DockerLauncher
from executors.image.making import Made, make_from_dockerfile, make_from_packages


class ImageView(Record):
    """An image that was asked for."""

    name: str
    id: str
    made: bool
    """Whether it was made now; one with the same content was there already if not."""


class ImageStanding(Record):
    """Whether containers could be started."""

    usable: bool
    said: str


async def make_agent_image(name: str, docker_host: str | None, *, cli: Path | None, dockerfile: bool) -> ImageView:
    """Make the image, of this machine's own packages or from the Dockerfile.

    Raises:
        DaemonLost: if the daemon does not answer.
        Environment: if something is missing here, or the daemon refuses the image.
    """
    daemon = Daemon(docker_host)

    def make() -> Made:
        daemon.ask_now(lambda client: client.ping())
        client = daemon.patient_client()
        try:
            return make_from_dockerfile(client, name) if dockerfile else make_from_packages(client, name, find_cli(cli))
        finally:
            client.close()

    try:
        made = await asyncio.to_thread(make)
    finally:
        daemon.close()
    return ImageView(name=made.name, id=made.id, made=made.anew)


async def look_at_image(name: str, docker_host: str | None, home: Path) -> ImageStanding:
    """Say whether the daemon answers and has an image that this Genie can use."""
    launcher = DockerLauncher(home=home, git_environment={}, docker_host=docker_host, image=name)
    try:
        await asyncio.to_thread(launcher.check)
    except GenieError as error:
        return ImageStanding(usable=False, said=str(error))
    finally:
        await launcher.close()
    return ImageStanding(usable=True, said=f"the Docker daemon answers, and has the image {name}")
