"""The deliverer: brings the threads of epics in Slack up to date with the database.

Any number of them may run, in any number of servers. What happened while Slack was away is shown when it is back, as it stands then.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from api.slack.answers import ChannelClosed, Later, SlackAway
from api.slack.blocks import Words
from api.slack.calls import SlackCalls
from api.slack.cards import Reader
from api.slack.thread import Patience, ThreadPass
from db.slack_threads import ClaimedThread, ClaimLost
from engine.engine import Engine
from engine.slack.known_people import KnownPeople
from engine.slack.showing import Showing
from engine.waiting import any_set
from epics.errors import EpicNotFound, StoreUnavailable
from safety.scrubbing import Scrubber

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

FINISH_S: Final = 5.0
"""How long passes that are under way may still take when a server stops; a claim ends by itself."""

_KNOWN_FOR_S: Final = 30.0
_DOUBLINGS: Final = 12
_MOST_PROBLEM: Final = 300


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often and how many; times in seconds."""

    poll_s: float = 0.5
    most: int = 16
    """Threads that this server brings up to date at a time."""
    patience: Patience = field(default_factory=Patience)


@dataclass(kw_only=True)
class _Deliverer:
    showing: Showing
    calls: SlackCalls
    pace: Pace
    public_url: str | None
    at_work: set[asyncio.Task[None]] = field(default_factory=set)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    known: tuple[float, KnownPeople, Scrubber] | None = None

    async def claim(self) -> int:
        """Claim threads that are out of date, begin to bring them up to date, and say how many."""
        room = self.pace.most - len(self.at_work)
        if room <= 0:
            return 0
        threads = await self.showing.threads.claim(seconds=self.pace.patience.claim_s, most=room)
        for thread in threads:
            task = asyncio.create_task(self._deliver(thread), name=f"slack-thread-{thread.epic}")
            self.at_work.add(task)
            task.add_done_callback(self._ended)
        return len(threads)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.at_work.discard(task)
        self.done.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # Nothing is lost: the claim ends, and the thread is brought up to date again.
            structlog.get_logger().error("a thread in Slack met an error that nobody foresaw", error=repr(error)[:500])

    async def _deliver(self, thread: ClaimedThread) -> None:
        patience, threads = self.pace.patience, self.showing.threads
        log = structlog.get_logger().bind(epic=thread.epic)
        try:
            people, scrubber = await self._known()
            reader = Reader(words=Words(scrubber), people=people, public_url=self.public_url)
            await ThreadPass(thread, self.showing, self.calls, reader, scrubber, patience=patience).make()
            await threads.slack_answered()
        except ClaimLost:
            log.info("another server has the thread in Slack now")
        except StoreUnavailable as error:
            log.warning("a thread in Slack waits for the database", error=str(error))
        except EpicNotFound:
            await threads.shown(thread, wait_s=patience.again_s)
        except Later as later:
            await threads.put_off(thread, wait_s=later.seconds, problem=thread.problem, failed=False)
        except ChannelClosed as error:
            problem = f"Slack's channel takes nothing: {error}"
            if thread.problem != problem:
                log.warning("a thread in Slack cannot be shown; tried again by and by", channel=thread.channel, error=str(error))
            await threads.put_off(
                thread, wait_s=_doubled(patience.closed_wait_s, thread.tries, patience.most_closed_wait_s), problem=problem
            )
        except SlackAway as error:
            log.warning("Slack does not answer; what it is to show waits", error=str(error)[:_MOST_PROBLEM])
            await threads.slack_failed(first_s=patience.first_wait_s, most_s=patience.most_wait_s)
            wait_s = _doubled(patience.first_wait_s, thread.tries, patience.most_wait_s)
            await threads.put_off(thread, wait_s=wait_s, problem=f"Slack does not answer: {error}"[:_MOST_PROBLEM])

    async def _known(self) -> tuple[KnownPeople, Scrubber]:
        """Who is known in Slack and what is secret, as of a moment ago."""
        if self.known is None or time.monotonic() - self.known[0] > _KNOWN_FOR_S:
            self.known = (time.monotonic(), await self.showing.people(), await self.showing.scrubber())
        return self.known[1], self.known[2]


async def run_slack_posts(
    engine: Engine, client: AsyncWebClient, stop: asyncio.Event, *, public_url: str | None = None, pace: Pace | None = None
) -> None:
    """Show epics in Slack until `stop` is set.

    Args:
        engine: what knows of the epics.
        client: of the bot; see `open_client`.
        stop: ends it.
        public_url: where people reach this installation, for links.
        pace: how often and how many.
    """
    pace = pace or Pace()
    showing = engine.showing
    calls = SlackCalls(client, showing.threads, stop=stop, most_wait_s=pace.patience.turn_s)
    deliverer = _Deliverer(showing=showing, calls=calls, pace=pace, public_url=public_url)
    try:
        while not stop.is_set():
            deliverer.done.clear()
            if not await _look(deliverer):
                await _next_look(deliverer, stop, pace.poll_s)
        if deliverer.at_work:
            await asyncio.wait(set(deliverer.at_work), timeout=FINISH_S)
    finally:
        for task in deliverer.at_work:
            task.cancel()
        if deliverer.at_work:
            await asyncio.wait(set(deliverer.at_work))


async def _look(deliverer: _Deliverer) -> bool:
    try:
        return bool(await deliverer.claim())
    except StoreUnavailable as error:
        structlog.get_logger().warning("what Slack is to show waits for the database", error=str(error))
    except Exception as error:  # noqa: BLE001  # what nobody foresaw must not end the deliveries of this process for good
        structlog.get_logger().error("the deliverer to Slack met an error that nobody foresaw", error=repr(error)[:500])
    return False


async def _next_look(deliverer: _Deliverer, stop: asyncio.Event, poll_s: float) -> None:
    if len(deliverer.at_work) < deliverer.pace.most:
        await any_set(stop, within=poll_s)
        return
    await any_set(stop, deliverer.done, within=poll_s)


def _doubled(first_s: float, tries: int, most_s: float) -> float:
    wait: float = min(first_s * 2 ** min(tries, _DOUBLINGS), most_s)
    return wait
