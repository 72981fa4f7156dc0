"""Socket Mode: what people do comes by a websocket that this server opens, for who cannot or will not be reached from outside."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import structlog
from pydantic import SecretStr
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

from api.slack.app import quiet_logger
from engine.waiting import any_set

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

_WATCH_S: Final = 1.0
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
    connecting = asyncio.create_task(handler.connect_async(), name="slack-socket")
    try:
        await _watch(handler.client, stop)
    finally:
        connecting.cancel()
        await asyncio.wait({connecting})
        # What cannot be closed any more is gone with the process.
        with suppress(TimeoutError):
            async with asyncio.timeout(_PING_S):
                await handler.close_async()


async def _watch(client: Any, stop: asyncio.Event) -> None:
    """Say when the connection is there and when it is not, until `stop` is set."""
    log, was = structlog.get_logger(), False
    while not stop.is_set():
        now = await client.is_connected()
        if now and not was:
            log.info("connected to Slack by Socket Mode")
        elif was and not now:
            log.warning("the connection to Slack broke, and is made anew; `genie slack test` asks Slack why, if it does not come back")
        if not now:
            # Where to connect is said for one time soon: the client would try an old address for ever.
            client.wss_uri = None
        was = now
        await any_set(stop, within=_WATCH_S)
