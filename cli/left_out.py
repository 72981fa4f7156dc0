"""Agents that are left out for a while because they kept failing: looked at, and used again."""

from __future__ import annotations

from collections.abc import Mapping

from cli.check import Check
from cli.database import open_dsn
from cli.errors import ExitCode
from cli.output import Output
from config.settings import Settings
from db.breakers import broken_agents
from db.connection import open_pool
from db.migrations import schema_status
from engine.breaker import left_out
from engine.engine import Engine
from engine.routing.views import Reset
from epics.errors import GenieError


async def left_out_here(settings: Settings) -> Mapping[str, str]:
    """Why agents are left out now, by their name; nothing where there is no database yet, or it does not answer."""
    if settings.database_url is None and not settings.home.is_dir():
        return {}
    try:
        async with open_dsn(settings) as dsn:
            status = await schema_status(dsn)
            if status.pending or status.newer:
                return {}
            async with open_pool(dsn) as pool:
                return left_out(await broken_agents(pool))
    except GenieError:
        return {}  # `genie doctor` says what is wrong with it


async def agents_check(settings: Settings) -> Check:
    """Whether every agent is in use."""
    found = await left_out_here(settings)
    if not found:
        return Check(name="agents", state="ok", seen="none is left out")
    way = "mend what they failed with; then, to have one tried at once: genie agent reset NAME"
    return Check(name="agents", state="note", seen="; ".join(found.values()), way_out=way)


async def reset(engine: Engine, name: str, output: Output) -> int:
    """Let an agent be used again at once."""
    was = await engine.asks.reset(name)
    output.say(f"{name} is used again" if was else f"nothing was against {name}")
    if output.as_json:
        output.json(Reset(agent=name, was_left_out=was))
    return ExitCode.DONE
