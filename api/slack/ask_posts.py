"""Showing requests in Slack, where they were asked for: what their messages say is worked out from the rows, posted once and edited."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from api.slack.answers import ChannelClosed, ContentRefused, Later, MessageClosed, SlackAway
from api.slack.ask_words import answer_message, parts_message
from api.slack.blocks import Payload, Words
from api.slack.calls import SlackCalls
from api.slack.looking import CLOCKS_DIFFER_S
from db.ask_posts import AskPost
from engine.engine import Engine
from engine.routing.views import AskView
from engine.waiting import any_set
from epics.asks import ASK_ENDED
from epics.errors import GenieError, StoreUnavailable
from safety.scrubbing import Scrubber

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

_KNOWN_FOR_S: Final = 30.0
_DOUBLINGS: Final = 8


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often and how long; times in seconds."""

    poll_s: float = 1.0
    claim_s: float = 30.0
    turn_s: float = 10.0
    wait_s: float = 5.0
    """After Slack did not answer, at first."""


class _Poster:
    def __init__(self, engine: Engine, calls: SlackCalls, pace: Pace) -> None:
        self._engine = engine
        self._posts = engine.slack.asks.posts
        self._calls = calls
        self._pace = pace
        self._known: tuple[float, Scrubber] | None = None

    async def look(self) -> None:
        """Bring what is out of date up to date."""
        for post in await self._posts.claim(seconds=self._pace.claim_s, most=8):
            await self._attempt(post)

    async def _attempt(self, post: AskPost) -> None:
        log = structlog.get_logger().bind(ask=post.ask_id, kind=post.kind)
        try:
            await self._show(post)
        except Later as later:
            await self._posts.put_off(post, wait_s=later.seconds)
        except SlackAway as error:
            log.warning("Slack does not answer; what it is to show of a request waits", error=str(error)[:300])
            await self._posts.put_off(post, wait_s=self._pace.wait_s * 2.0 ** min(post.tries, _DOUBLINGS), failed=True)
        except (ChannelClosed, MessageClosed, ContentRefused) as error:
            log.warning("a request cannot be shown in Slack", channel=post.channel, error=str(error))
            await self._posts.give_up(post)

    async def _show(self, post: AskPost) -> None:
        ask = await self._engine.slack.asks.shown(post.ask_id)
        thread = post.thread or (post.parts_ts if post.kind == "answer" else None)
        if post.kind == "answer" and thread is None:
            await self._posts.put_off(post, wait_s=self._pace.poll_s)  # the parts first
            return
        payload = await self._payload(post, ask)
        if post.posted_hash != payload.hash:
            ts = await self._sent(post, thread, payload)
            await self._posts.posted(post, ts=ts, said=payload.hash, is_final=ask.status in ASK_ENDED, wait_s=self._pace.poll_s)
        elif ask.status in ASK_ENDED:
            await self._posts.give_up(post)
        else:
            await self._posts.put_off(post, wait_s=self._pace.poll_s)

    async def _sent(self, post: AskPost, thread: str | None, payload: Payload) -> str:
        """Post it, or edit what is there; where it was tried before, it is looked for."""
        ts = post.ts
        if ts is None and post.intended_at is not None:
            there = await self._calls.found(post.channel, thread, since=post.intended_at - CLOCKS_DIFFER_S)
            ts = next(iter(there.get(post.key, ())), None)
        if ts is None:
            await self._calls.turn("chat.postMessage", post.channel)
            await self._posts.intend(post)
            return await self._calls.post(post.channel, thread, payload, post.key)
        await self._calls.turn("chat.update", post.channel)
        await self._calls.update(post.channel, ts, payload)
        return ts

    async def _payload(self, post: AskPost, ask: AskView) -> Payload:
        if self._known is None or time.monotonic() - self._known[0] > _KNOWN_FOR_S:
            self._known = (time.monotonic(), await self._engine.showing.scrubber())
        return (parts_message if post.kind == "parts" else answer_message)(ask, Words(self._known[1]))


async def run_ask_posts(engine: Engine, client: AsyncWebClient, stop: asyncio.Event, *, pace: Pace | None = None) -> None:
    """Show requests in Slack until `stop` is set.

    Args:
        engine: what knows of the requests.
        client: of the bot.
        stop: ends it.
        pace: how often and how long.
    """
    pace = pace or Pace()
    poster = _Poster(engine, SlackCalls(client, engine.showing.threads, stop=stop, most_wait_s=pace.turn_s), pace)
    while not stop.is_set():
        try:
            await poster.look()
        except StoreUnavailable as error:
            structlog.get_logger().warning("what Slack is to show of requests waits for the database", error=str(error))
        except GenieError as error:
            structlog.get_logger().warning("a request is not shown in Slack", error=str(error))
        await any_set(stop, within=pace.poll_s)
