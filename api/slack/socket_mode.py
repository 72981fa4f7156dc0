"""Socket Mode: what people do comes by a websocket that this server opens, for who cannot or will not be reached from outside."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import structlog
from pydantic import SecretStr
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

from api.slack.app import quiet_logger

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

_PING_S: Final = 5.0
"""How often the connection is tried, and how long after a failure it is made anew."""


async def listen(app: AsyncApp, token: SecretStr, client: AsyncWebClient, stop: asyncio.Event) -> None:
    """Keep a connection to Slack until `stop` is set; one that breaks is made anew, for as long as that takes.

    Args:
        app: who takes what comes.
        token: the app-level token.
        client: of the Web API, which says where to connect.
        stop: ends it.
    """
    handler: Any = AsyncSocketModeHandler(
        app, app_token=token.get_secret_value(), logger=quiet_logger(), web_client=client, ping_interval=_PING_S
    )
    connecting = asyncio.create_task(_connect(handler), name="slack-socket")
    await stop.wait()
    connecting.cancel()
    await asyncio.wait({connecting})
    # What cannot be closed any more is gone with the process.
    async with asyncio.timeout(_PING_S):
        await handler.close_async()


async def _connect(handler: Any) -> None:
    await handler.connect_async()
    structlog.get_logger().info("connected to Slack by Socket Mode")
