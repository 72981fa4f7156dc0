"""What `genie doctor` says of the containers that agents may work in."""

from __future__ import annotations

from cli.check import Check
from config.settings import Settings
from engine.agent_image import look_at_image


async def container_check(settings: Settings) -> Check:
    """Whether containers could be started; in the way only of who has chosen the executor that needs them."""
    found = await look_at_image(settings.agent_image, settings.docker_host, settings.home)
    if found.usable:
        return Check(name="containers", state="ok", seen=found.said)
    chosen = settings.executor == "claude_docker"
    return Check(
        name="containers", state="failed" if chosen else "note", seen=found.said, way_out="only the executor claude_docker needs them"
    )
