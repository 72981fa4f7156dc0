"""What leads to a deed is kept before Slack is told that it came, and done once, by this server or by another one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import structlog
from pydantic import ValidationError
from slack_bolt.response import BoltResponse

from api.slack.desk import Desk, Wanted
from api.slack.refusals import GIVEN_UP
from api.slack.sender import Sender
from db.hooks import Delivery
from db.slack_inbox import InboxRow
from engine.waiting import any_set
from epics.access_errors import SecretUnreadable
from epics.callers import Caller
from epics.errors import GenieError, Transient
from epics.records import Record

if TYPE_CHECKING:
    from slack_bolt.context.ack.async_ack import AsyncAck

MOST_TRIES: Final = 10
MOST_S: Final = 3_600.0
"""What was tried in vain so often, or more than once for so long, is given up."""

_KEEP_S: Final = 2.5
"""Slack waits three seconds."""
_AT_ONCE: Final = 20
_FIRST_WAIT_S, _MOST_WAIT_S = 15.0, 300.0


class Kind(StrEnum):
    """What people do that leads to a deed."""

    CLICK = "click"
    FORM = "form"
    MENTION = "mention"
    COMMAND = "command"


class Received(Record):
    """Something that came, and all that is needed to do it."""

    kind: Kind
    sender: Sender
    wanted: Wanted
    delivery: Delivery
    content: dict[str, Any]
    """As its kind has it; JSON."""

    @property
    def key(self) -> str:
        """How it is known, however often it is delivered."""
        return f"{self.delivery.source} {self.delivery.id}"


Does: TypeAlias = Callable[[Received, Caller], Awaitable[str | None]]
"""Does what came, for a person; what it returns is told to that person alone."""


class Pace(Record):
    """How fast an inbox is worked off."""

    claim_s: float = 15.0
    """How long something is left to a server that gives no sign of life."""
    look_s: float = 5.0
    """How often it is looked whether somebody left something."""


class Inbox:
    """Keeps what came, and sees that it is done."""

    def __init__(self, desk: Desk, pace: Pace | None = None) -> None:
        """Begin with nobody who does anything; see `does`."""
        self._desk = desk
        self._rows = desk.engine.slack.inbox
        self._pace = pace or Pace()
        self._does: dict[Kind, Does] = {}

    def does(self, kind: Kind, work: Does) -> None:
        """Say who does what came of a kind."""
        self._does[kind] = work

    async def take(self, received: Received, ack: AsyncAck | None = None) -> BoltResponse | None:
        """Keep something, acknowledge it, and begin to do it.

        Returns:
            what Slack is answered where it could not be kept: it says so to the person, or sends it again.
        """
        try:
            async with asyncio.timeout(_KEEP_S):
                payload = json.dumps(received.model_dump(mode="json"))
                is_new = await self._rows.keep(received.key, received.kind, payload, seconds=self._pace.claim_s)
        except (Transient, TimeoutError) as error:
            _log(received).error("something from Slack could not be kept, and is not acknowledged", why=str(error) or "no answer in time")
            return BoltResponse(status=503, body="")
        if ack is not None:
            await ack()
        if is_new:
            self._desk.begin(self._do(received, tries=1))
        else:
            _log(received).info("something from Slack came again")
        return None

    async def work_off(self, stop: asyncio.Event) -> None:
        """Do what was kept and that nobody is at, until `stop` is set: what a server left that died, or what could not be done at once."""
        while not stop.is_set():
            try:
                await self.look()
            except GenieError as error:
                structlog.get_logger().warning("it could not be seen what came from Slack and is not done", why=str(error))
            await any_set(stop, within=self._pace.look_s)

    async def look(self) -> None:
        """Begin to do what nobody is at, and give up what was tried enough."""
        for row in await self._rows.bury(most=MOST_TRIES, seconds=MOST_S):
            structlog.get_logger().error(
                "something from Slack was given up", key=row.key, tries=row.tries, received_at=str(row.received_at)
            )
            if (received := await self._opened(row)) is not None:
                self._desk.begin(self._desk.tell(received.sender, GIVEN_UP))
        for row in await self._rows.claim(seconds=self._pace.claim_s, most=_AT_ONCE):
            if (received := await self._opened(row)) is not None:
                _log(received).info("something from Slack is done that nobody was at", tries=row.tries, received_at=str(row.received_at))
                self._desk.begin(self._do(received, tries=row.tries))

    async def _do(self, received: Received, *, tries: int) -> None:
        work = partial(self._does[received.kind], received)
        try:
            async with self._claimed(received.key):
                is_settled = await self._desk.attempt(received.sender, received.wanted, work, tries=tries)
            if is_settled:
                await self._rows.done(received.key)
            else:
                await self._rows.leave_alone(received.key, seconds=min(_FIRST_WAIT_S * 2 ** (tries - 1), _MOST_WAIT_S))
        except GenieError as error:
            # The claim ends; a deed that was done is known by its delivery.
            _log(received).warning("it could not be noted what became of something from Slack", why=str(error))

    @asynccontextmanager
    async def _claimed(self, key: str) -> AsyncGenerator[None]:
        """Keep the claim while this is open: the start of an epic may have a repository to fetch."""
        keeping = asyncio.create_task(self._keep_claim(key), name="slack-claim")
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.wait({keeping})

    async def _keep_claim(self, key: str) -> None:
        while True:
            await asyncio.sleep(self._pace.claim_s / 3)
            try:
                await self._rows.leave_alone(key, seconds=self._pace.claim_s)
            except GenieError as error:
                structlog.get_logger().warning("a claim on something from Slack could not be kept", key=key, why=str(error))

    async def _opened(self, row: InboxRow) -> Received | None:
        """What came; None if this server cannot read it, and leaves it to others."""
        try:
            return Received.model_validate_json(await self._rows.payload_of(row))
        except (SecretUnreadable, ValidationError) as error:
            why = str(error) if isinstance(error, SecretUnreadable) else "another release kept it"
            structlog.get_logger().error("something from Slack cannot be read", key=row.key, tries=row.tries, why=why)
            return None


def _log(received: Received) -> structlog.stdlib.BoundLogger:
    bound: structlog.stdlib.BoundLogger = structlog.get_logger().bind(slack_user=received.sender.identity, **received.wanted.model_dump())
    return bound
