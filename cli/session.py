"""The engine opened for one command, from the settings of this process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from cli.log import configure_log
from cli.process import finish
from cli.service import Service
from config.settings import Settings
from engine.bootstrap import open_engine
from engine.engine import Engine

SCRIPT: Final = Path(__file__).parent / "sample" / "script.toml"
"""What the scripted executor plays: always at hand, so that `genie epic resume` goes on with a demo that was interrupted."""


def with_engine(work: Callable[[Engine], Awaitable[int]], *, settings: Settings | None = None) -> None:
    """Open the engine, do the work, close the engine, and end the command with the code that the work returns."""
    given = settings or Settings.from_env()

    configure_log(given.log_level, as_json=given.log_format == "json")

    async def opened() -> int:
        async with open_engine(given, script=SCRIPT) as engine:
            return await work(engine)

    finish(opened)


def with_service(work: Callable[[Service], Awaitable[int]], *, server: str | None, settings: Settings | None = None) -> None:
    """As `with_engine`, but by a server's API where one is named, by the option or in the settings."""
    given = settings or Settings.from_env()
    url = server_in(server, given)
    if url is None:
        with_engine(work, settings=given)
        return
    configure_log(given.log_level)

    async def asked() -> int:
        from cli.api_client import open_api
        from cli.remote import RemoteService

        async with open_api(url) as api:
            return await work(RemoteService(api))

    finish(asked)


def server_in(server: str | None, settings: Settings) -> str | None:
    """The URL of the server that is to be asked, if one is."""
    return server or settings.server
