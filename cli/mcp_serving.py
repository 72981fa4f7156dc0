"""What `genie mcp serve` does: it speaks the Model Context Protocol on its standard streams, or over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

from mcp.server.stdio import stdio_server

from api.app import create_api
from api.mcp.door import AppDoor, Door
from api.mcp.server import mcp_server
from api.mcp.toolbox import offered
from api.mcp_alone import McpOffer
from api.metrics import Metrics
from api.serving import Serving
from cli.log import configure_log
from cli.mcp_input import InputLines
from cli.mcp_remote import remote_door
from cli.session import engine_for_caller, server_in
from cli.supervise import keep_workers
from config.settings import Settings
from epics.callers import acting_as, current_caller
from epics.errors import InvalidInput

CHANNEL: Final = "mcp"

_GRACE_S: Final = 10.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the options say."""

    offer: McpOffer
    workers: int
    server: str | None


def asked_for(tools: str | None, workers: int, server: str | None, *, read_only: bool) -> Asked:
    """What the options of the command come to."""
    return Asked(offer=McpOffer(tools=tools, read_only=read_only), workers=workers, server=server)


async def serve_on_streams(settings: Settings, asked: Asked) -> int:
    """Speak on standard input and output until the client closes them: 0.

    Raises:
        InvalidInput: if a tool is named that is not there, or workers are asked of a server elsewhere.
    """
    configure_log(settings.log_level, as_json=settings.log_format == "json", secrets=settings.secret_values())
    tools = offered(asked.offer)
    async with _door(settings, asked) as door, _workers(settings, asked.workers):
        server = mcp_server(door, tools)
        # By its words it wants more of its input than that it has lines.
        async with stdio_server(stdin=cast("Any", InputLines())) as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())
    return 0


@asynccontextmanager
async def _door(settings: Settings, asked: Asked) -> AsyncGenerator[Door]:
    url = server_in(asked.server, settings)
    if url is not None:
        if asked.workers:
            raise InvalidInput(f"--workers work on this machine's database, and {url} has its own: leave one of the two out")
        async with remote_door(url, settings) as door:
            yield door
        return
    async with engine_for_caller(settings) as engine:
        serving = Serving(settings=settings, hosts=frozenset(), engine_or_none=engine)
        with acting_as(current_caller().model_copy(update={"channel": CHANNEL})):
            yield AppDoor(create_api(serving, Metrics()), serving.stopping)


@asynccontextmanager
async def _workers(settings: Settings, count: int) -> AsyncGenerator[None]:
    stopping = asyncio.Event()
    keeping = asyncio.create_task(keep_workers(count, (), stopping, grace_s=settings.drain_seconds + _GRACE_S), name="keep-workers")
    try:
        yield
    finally:
        stopping.set()
        await asyncio.wait({keeping})
