"""Containers of agents, listed, read, stopped and swept; and their image."""

from __future__ import annotations

import sys

from rich.text import Text

from cli.output import Output
from cli.render import table
from cli.words import ago
from config.settings import Settings
from engine.agent_image import make_agent_image
from engine.containers import ContainerView
from engine.engine import Engine
from engine.views import Page


async def list_containers(engine: Engine, output: Output) -> int:
    """List the containers, newest first."""
    found = await engine.containers.list()
    rows = [
        (
            Text(each.name, style="bold"),
            Text(each.status, style="green" if each.status == "running" else "yellow"),
            each.epic,
            str(each.attempt),
            f"{each.memory_mb} MiB",
            ago(each.created_at),
            each.left_behind,
        )
        for each in found
    ]
    heads = ("CONTAINER", "STATE", "EPIC", "ATTEMPT", "MEMORY", "MADE", "NOBODY'S, SINCE")
    parts = [table(heads, rows, right=("ATTEMPT", "MEMORY", "MADE"))] if rows else [Text("no agent has a container here")]
    output.answer(record=Page[ContainerView](items=found), parts=parts)
    return 0


async def logs(engine: Engine, name: str, *, follow: bool) -> int:
    """Print what a container printed, as it is."""
    async for piece in engine.containers.logs(name, following=follow):
        sys.stdout.write(piece.decode("utf-8", "replace"))
        sys.stdout.flush()
    return 0


async def stop(engine: Engine, name: str, output: Output) -> int:
    """End and remove one container."""
    stopped = await engine.containers.stop(name)
    how = "ends as stopped" if stopped.work == "agent" else f"fails as environment, for want of its {stopped.work}"
    output.answer(record=stopped, parts=[Text(f"removed {stopped.name}: attempt {stopped.attempt} of {stopped.epic} {how}")])
    return 0


async def sweep(engine: Engine, output: Output) -> int:
    """Remove what nobody will go on with."""
    swept = await engine.containers.sweep()
    said = [f"removed {name}" for name in swept.removed] or ["there is nothing to remove"]
    output.answer(record=swept, parts=[Text(line) for line in said])
    return 0


async def make_image(settings: Settings, output: Output, *, dockerfile: bool) -> int:
    """Make the image, which takes some ten seconds and more from a registry."""
    made = await make_agent_image(settings.agent_image, settings.docker_host, cli=settings.claude_cli, dockerfile=dockerfile)
    output.answer(
        record=made, parts=[Text(f"the image {made.name} {'is made' if made.made else 'was there already, as it would be made'}")]
    )
    return 0
