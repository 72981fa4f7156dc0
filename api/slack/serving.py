"""Slack beside a server: begun when a bot token is there, and in nobody's way while Slack is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from config.settings import Settings
from engine.engine import Engine
from engine.waiting import any_set
from epics.errors import GenieError
from epics.records import Record

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.signature import SignatureVerifier
    from slack_sdk.web.async_client import AsyncWebClient

FINISH_S: Final = 8.0
"""How long what was acknowledged may still take when the server stops."""

_AGAIN_AFTER_S: Final = (0.5, 1.0, 2.0, 5.0)


@dataclass(kw_only=True)
class SlackListening:
    """What a server hears Slack with."""

    verifier: SignatureVerifier | None = None
    """Checks what comes by HTTP; None if that is not taken."""
    app: AsyncApp | None = None
    """Takes what comes; None until the workspace is known."""


class Bot(Record):
    """Who we are in Slack."""

    team: str
    user: str


@asynccontextmanager
async def slack_beside(engine: Engine, settings: Settings) -> AsyncGenerator[SlackListening | None]:
    """Listen to Slack, and tell it of epics, while this is open; None if there is no bot token.

    Args:
        engine: what is done and told.
        settings: of this process; tokens that it lacks may be stored in the database.
    """
    found = await engine.secrets.settings(settings)
    if found.slack_bot_token is None:
        yield None
        return
    # In a thread: it takes most of a second, and no request is to wait for it.
    await asyncio.to_thread(_import_bolt)
    listening, stop = SlackListening(verifier=_verifier(found)), asyncio.Event()
    if listening.verifier is None and found.slack_app_token is None:
        structlog.get_logger().warning(
            "Slack is told of epics, but not heard: set GENIE_SLACK_SIGNING_SECRET, or GENIE_SLACK_APP_TOKEN for Socket Mode"
        )
    serving = asyncio.create_task(_serve(engine, found, listening, stop), name="slack")
    try:
        yield listening
    finally:
        stop.set()
        await asyncio.wait({serving})


def _import_bolt() -> None:
    import api.slack.app  # noqa: PLC0415
    import api.slack.socket_mode  # noqa: F401, PLC0415


def _verifier(settings: Settings) -> SignatureVerifier | None:
    from slack_sdk.signature import SignatureVerifier  # noqa: PLC0415  # imported by now

    secret = settings.slack_signing_secret
    return None if secret is None or not secret.get_secret_value().strip() else SignatureVerifier(secret.get_secret_value())


async def _serve(engine: Engine, settings: Settings, listening: SlackListening, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await _until_stopped(engine, settings, listening, stop)
        except Exception as error:  # noqa: BLE001  # the server serves on meanwhile, and what nobody foresaw must not end Slack for good
            structlog.get_logger().exception("Slack met an error that nobody foresaw; it is begun anew", error=repr(error)[:500])
            await any_set(stop, within=_AGAIN_AFTER_S[-1])


async def _until_stopped(engine: Engine, settings: Settings, listening: SlackListening, stop: asyncio.Event) -> None:
    from api.slack.app import slack_app  # noqa: PLC0415  # imported by now
    from api.slack.ask_posts import run_ask_posts  # noqa: PLC0415
    from api.slack.client import open_client  # noqa: PLC0415
    from api.slack.delivering import run_slack_posts  # noqa: PLC0415
    from api.slack.desk import Desk  # noqa: PLC0415
    from api.slack.inbox import Inbox  # noqa: PLC0415
    from api.slack.socket_mode import listen  # noqa: PLC0415

    if settings.slack_bot_token is None:
        return
    async with open_client(settings.slack_bot_token, settings.slack_api_url, clean=engine.secrets.clean) as client:
        bot = await _introduced(engine, settings, client, stop)
        if bot is None:
            return
        desk = Desk(engine, settings, client, bot.team)
        inbox = Inbox(desk)
        listening.app = app = slack_app(desk, inbox, bot.user)
        try:
            async with asyncio.TaskGroup() as work:
                work.create_task(run_slack_posts(engine, client, stop, public_url=settings.public_url))
                work.create_task(run_ask_posts(engine, client, stop))
                work.create_task(inbox.work_off(stop))
                if settings.slack_app_token is not None:
                    work.create_task(listen(app, settings.slack_app_token, client, stop))
        finally:
            listening.app = None
            await desk.finish(within_s=FINISH_S)


async def _introduced(engine: Engine, settings: Settings, client: AsyncWebClient, stop: asyncio.Event) -> Bot | None:
    """Who we are in Slack, as it says itself, however long it takes to answer; None if `stop` came first."""
    from aiohttp import ClientError  # noqa: PLC0415  # with Slack's client
    from slack_sdk.errors import SlackClientError  # noqa: PLC0415

    waits, trouble = iter(_AGAIN_AFTER_S), ""
    while not stop.is_set():
        try:
            said = await client.auth_test()
            bot = Bot(team=str(said["team_id"]), user=str(said["user_id"]))
            await engine.slack.workspace.register(bot.team, bot.user, settings.slack_channel)
        except (SlackClientError, ClientError, TimeoutError, GenieError) as error:
            if trouble != (trouble := f"{type(error).__name__}: {error}"):
                structlog.get_logger().warning("Slack does not say who we are; asked again until it does", why=trouble)
        else:
            structlog.get_logger().info("Slack is served", team=bot.team)
            return bot
        await any_set(stop, within=next(waits, _AGAIN_AFTER_S[-1]))
    return None
