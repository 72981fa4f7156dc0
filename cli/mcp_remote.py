"""The door to a Genie server, for an MCP client on another machine that knows to start a program alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import RootModel

from api.mcp.door import Call
from cli.api_client import ApiClient, open_api
from cli.server_key import key_for
from config.settings import Settings


class _Anything(RootModel[Any]):
    """Whatever the server answers."""


class RemoteDoor:
    """Asks a server, with the key of this command line."""

    def __init__(self, api: ApiClient) -> None:
        """Bind to an open client."""
        self._api = api

    async def ask(self, call: Call) -> Any:
        """What the server answers.

        Raises:
            GenieError: as its problem says.
            ServerUnavailable: if it does not answer.
        """
        if call.method == "GET":
            return (await self._api.get(_Anything, call.path, **call.query)).root
        return (await self._api.post(_Anything, call.path, call.body or {}, key=call.key)).root

    async def pause(self, seconds: float) -> bool:
        """Wait."""
        await asyncio.sleep(seconds)
        return True


@asynccontextmanager
async def remote_door(url: str, settings: Settings) -> AsyncGenerator[RemoteDoor]:
    """The door to the server at a URL."""
    async with open_api(url, key_for(url, settings)) as api:
        yield RemoteDoor(api)
