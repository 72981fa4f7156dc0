"""The engine opened for one command, for whoever calls it, from the settings of this process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from cli.log import configure_log
from cli.process import finish
from cli.service import Service
from cli.verb import asked_verb, permit
from config.settings import Settings
from engine.bootstrap import open_engine
from engine.engine import Engine
from epics.callers import acting_as

SCRIPT: Final = Path(__file__).parent / "sample" / "script.toml"
"""What the scripted executor plays: always at hand, so that `genie epic resume` goes on with a demo that was interrupted."""


def with_engine(work: Callable[[Engine], Awaitable[int]], *, settings: Settings | None = None) -> None:
    """Open the engine, do the work, close the engine, and end the command with the code that the work returns."""
    given = settings or Settings.from_env()

    configure_log(given.log_level, as_json=given.log_format == "json", secrets=given.secret_values())

    async def opened() -> int:
        async with engine_for_caller(given) as engine:
            return await work(engine)

    finish(opened)


@asynccontextmanager
async def engine_for_caller(settings: Settings) -> AsyncGenerator[Engine]:
    """The engine on the database itself, in which all is done for whoever calls this command, as far as the role table lets them.

    Raises:
        Unauthenticated: if GENIE_KEY does not hold in this database.
        Forbidden: if the caller may not do this.
    """
    asked = asked_verb()
    async with open_engine(settings, script=SCRIPT) as engine:
        with acting_as(await engine.access.local_caller()):
            await permit(engine, asked)
            yield engine


def with_service(work: Callable[[Service], Awaitable[int]], *, server: str | None, settings: Settings | None = None) -> None:
    """As `with_engine`, but by a server's API where one is named, by the option or in the settings."""
    given = settings or Settings.from_env()
    url = server_in(server, given)
    if url is None:
        with_engine(work, settings=given)
        return
    configure_log(given.log_level, secrets=given.secret_values())

    async def asked() -> int:
        from cli.api_client import open_api
        from cli.remote import RemoteService
        from cli.server_key import key_for

        async with open_api(url, key_for(url, given)) as api:
            return await work(RemoteService(api))

    finish(asked)


def server_in(server: str | None, settings: Settings) -> str | None:
    """The URL of the server that is to be asked, if one is."""
    return server or settings.server
