"""The deliverer: sends what the outbox holds, at least once, and in order for each epic and endpoint.

Any number of them may run, in any number of processes. What one has claimed no other sends until the claim is over, and a message is
not claimed before those ahead of it are settled: a receiver that goes by `webhook-id` sees each once, in order.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from db.connection import Pool
from db.hooks import prune_hook_deliveries
from db.outbox import Message, claim_messages, message_delivered, message_failed, prune_messages
from db.slack_inbox import prune_slack_inbox
from engine.assembling import Installation
from engine.posting import TIMEOUT_S, Answer, Poster
from engine.webhook_secrets import opened
from epics.access_errors import SecretUnreadable
from epics.errors import StoreUnavailable

_MOST_WAIT_S: Final = 1800.0
_DOUBLINGS: Final = 12
_REST: Final = 4


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often and how long; times in seconds."""

    poll_s: float = 0.5
    timeout_s: float = TIMEOUT_S
    claim_s: float = 3 * TIMEOUT_S
    """Longer than a POST may take, and what a message waits if the process that sends it is killed."""
    first_wait_s: float = 5.0
    give_up_s: float = 24 * 3600.0
    prune_s: float = 3600.0
    each: int = 4
    """How many messages (of different epics) an endpoint is sent at a time."""
    most: int = 64
    """How many this process sends at a time: many times `each`, so that slow endpoints leave room for the others."""


@dataclass(kw_only=True)
class _Deliverer:
    pool: Pool
    poster: Poster
    pace: Pace
    keep_days: int
    look: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when something may be due that was not: the next message of an epic, or an endpoint with room."""
    sending: set[asyncio.Task[None]] = field(default_factory=set)
    pruned_at: float = -float("inf")

    async def claim(self) -> bool:
        """Claim what is due and begin to send it; False if there was nothing."""
        room = self.pace.most - len(self.sending)
        if room <= 0:
            return False
        messages = await claim_messages(self.pool, seconds=self.pace.claim_s, each=self.pace.each, most=room)
        for message in messages:
            task = asyncio.create_task(self._deliver(message), name=f"message-{message.id}")
            self.sending.add(task)
            task.add_done_callback(self._sent)
        return bool(messages)

    async def prune(self) -> None:
        """Forget old messages, in small parts, once in a while."""
        if time.monotonic() - self.pruned_at < self.pace.prune_s:
            return
        if await prune_messages(self.pool, self.keep_days):
            return  # there may be more: at the next look
        await prune_hook_deliveries(self.pool)
        await prune_slack_inbox(self.pool)
        self.pruned_at = time.monotonic()

    def _sent(self, task: asyncio.Task[None]) -> None:
        self.sending.discard(task)
        self.look.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # Nothing is lost: the claim ends, and the message is sent again.
            structlog.get_logger().warning("what became of a message could not be noted", error=repr(error)[:300])

    async def _deliver(self, message: Message) -> None:
        try:
            target = await opened(self.pool, message.target)
            answer = await self.poster.post(target, message_id(message.epic, message.event), body_of(message))
        except SecretUnreadable as error:
            # Another worker may have the key; the message says so as long as none sends it.
            answer = Answer(status=None, problem=str(error), body="", seconds=0, retry_after_s=None)
        if answer.is_delivered and answer.status is not None:
            await message_delivered(self.pool, message, answer.status)
            return
        wait_s = wait_after(message.tries + 1, self.pace.first_wait_s, answer)
        dead = await message_failed(
            self.pool, message, answer=answer.status, problem=answer.problem, wait_s=wait_s, give_up_s=self.pace.give_up_s
        )
        log = structlog.get_logger().bind(webhook=message.target.name, epic=message.epic, message=message.id, problem=answer.problem)
        if dead:
            log.error("a message was given up; send it again with `genie webhook resend`")
        else:
            log.info("a message did not arrive, and will be sent again", tries=message.tries + 1, wait_s=round(wait_s, 1))


async def run_outbox(installation: Installation, stop: asyncio.Event, pace: Pace | None = None, poster: Poster | None = None) -> None:
    """Send messages until `stop` is set, and then end what is being sent; a cancel leaves that to others.

    A database that is away is waited for.
    """
    pace = pace or Pace()
    poster = poster or Poster(allow_private=installation.webhook_allow_private, timeout_s=pace.timeout_s)
    deliverer = _Deliverer(pool=installation.database.pool, poster=poster, pace=pace, keep_days=installation.webhook_keep_days)
    stopping = asyncio.create_task(stop.wait(), name="outbox-stop")
    try:
        while not stop.is_set():
            began = time.monotonic()
            deliverer.look.clear()
            found = await _look(deliverer)
            if not found:
                # Where very many epics wait for a receiver that is down, a look takes longer, and comes less often.
                await _next_look(deliverer, stopping, max(pace.poll_s, _REST * (time.monotonic() - began)))
        while deliverer.sending:
            await asyncio.wait(set(deliverer.sending))
    finally:
        stopping.cancel()
        for task in deliverer.sending:
            task.cancel()
        await asyncio.wait({stopping, *deliverer.sending})


def message_id(epic: str, event: int) -> str:
    """The `webhook-id` of the message about an event: the same at each sending."""
    return f"msg_{epic}_{event}"


def body_of(message: Message) -> dict[str, Any]:
    """What is sent; docs/webhooks.md tells of each field, and they only ever become more."""
    data, epic = message.data["data"], message.data["epic"]
    links = {"epic": f"/api/v1/epics/{message.epic}"}
    if approval := data.get("approval"):
        links["approval"] = f"/api/v1/approvals/{approval}"
    return {
        "type": message.topic,
        "id": message_id(message.epic, message.event),
        "time": message.data["time"],
        "event": message.event,
        "epic": epic,
        "data": data,
        "links": links,
    }


def wait_after(tries: int, first_s: float, answer: Answer | None = None) -> float:
    """Seconds until the next try after so many: doubled each time, at most half an hour, a fifth more or less by chance.

    A receiver that says when it wants to be asked again (`Retry-After`) is not asked before, but within that half hour.
    """
    wait: float = min(first_s * 2 ** min(tries - 1, _DOUBLINGS), _MOST_WAIT_S)
    asked = min(answer.retry_after_s or 0.0, _MOST_WAIT_S) if answer is not None else 0.0
    return max(wait * random.uniform(0.8, 1.2), asked)  # noqa: S311  # spreads the load, hides nothing


async def _look(deliverer: _Deliverer) -> bool:
    try:
        found = await deliverer.claim()
        await deliverer.prune()
    except StoreUnavailable as error:
        structlog.get_logger().warning("the outbox waits for the database", error=str(error))
    except Exception as error:  # noqa: BLE001  # what nobody foresaw must not end the deliveries of this process for good
        structlog.get_logger().error("the outbox met an error that nobody foresaw", error=repr(error)[:500])
    else:
        return found
    return False


async def _next_look(deliverer: _Deliverer, stopping: asyncio.Task[Any], poll_s: float) -> None:
    look = asyncio.create_task(deliverer.look.wait(), name="outbox-look")
    try:
        await asyncio.wait({look, stopping}, timeout=poll_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        look.cancel()
