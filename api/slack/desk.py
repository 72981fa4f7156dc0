"""Does what came from Slack, once it is acknowledged: in the name of who asked, who alone hears what was refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

import structlog

from api.slack.refusals import UNFORESEEN, is_misuse, told, told_later
from api.slack.sender import Sender
from config.settings import Settings
from db.hooks import DeliveryTaken
from engine.engine import Engine
from epics.access_errors import Unauthenticated
from epics.callers import Caller, acting_as
from epics.errors import GenieError, Transient
from epics.records import Record

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

CHANNEL: Final = "slack"

Work = Callable[[Caller], Awaitable[str | None]]
"""Does something for a person; what it returns is told to that person alone."""


class Wanted(Record):
    """What somebody wants done, as the log and the audit name it."""

    deed: str
    kind: str
    subject: str


class Desk:
    """Takes what came from Slack."""

    def __init__(self, engine: Engine, settings: Settings, client: AsyncWebClient, team: str) -> None:
        """Begin with nothing in hand.

        Args:
            engine: what does it.
            settings: what holds for epics that are started here.
            client: of the bot, for answers and modals.
            team: the one workspace whose people are heard.
        """
        self.engine = engine
        self.settings = settings
        self.client = client
        self.team = team
        self._tasks: set[asyncio.Task[Any]] = set()

    def take(self, sender: Sender, wanted: Wanted, work: Work) -> None:
        """Begin a piece of work, and come back at once: whoever acknowledges must not wait for it."""
        self.begin(self.attempt(sender, wanted, work))

    def begin(self, work: Coroutine[Any, Any, Any]) -> None:
        """Begin something that `finish` waits for."""
        task = asyncio.create_task(work, name="slack-deed")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, *, within_s: float) -> None:
        """Wait for what is in hand: whoever did it waits for a word."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=within_s)

    async def refuse_team(self, sender: Sender, wanted: Wanted) -> None:
        """Turn away somebody of another workspace."""
        error = Unauthenticated("This Genie belongs to another workspace: what you do here does not reach it.")
        await self._refuse(sender, _stranger(sender), wanted, error)

    async def tell(self, sender: Sender, text: str) -> None:
        """Tell one person something, where they did what it answers; Slack's trouble is only logged."""
        from aiohttp import ClientError  # noqa: PLC0415  # with Slack's client, which is imported where Slack is used
        from slack_sdk.errors import SlackClientError  # noqa: PLC0415
        from slack_sdk.webhook.async_client import AsyncWebhookClient  # noqa: PLC0415

        # The address for an answer is no method of the client, which takes secrets out of all that passes it.
        text, thread = str(self.engine.secrets.clean(text)), sender.thread or None
        try:
            if sender.response_url:
                webhook = AsyncWebhookClient(
                    sender.response_url, session=self.client.session, timeout=self.client.timeout, retry_handlers=[]
                )
                body = {"text": text, "response_type": "ephemeral", "replace_original": False}
                answer = await webhook.send_dict({**body, "thread_ts": thread} if thread else body)
                if answer.status_code >= 300:  # noqa: PLR2004  # of HTTP
                    _log_untold(sender, f"status {answer.status_code}")
            else:
                await self.client.chat_postEphemeral(channel=sender.channel, user=sender.user, text=text, thread_ts=thread)
        except (SlackClientError, ClientError, TimeoutError) as error:
            _log_untold(sender, f"{type(error).__name__}: {error}")

    async def attempt(self, sender: Sender, wanted: Wanted, work: Work, *, tries: int | None = None) -> bool:
        """Do a piece of work, and tell the person what there is to say.

        Args:
            sender: who wants it.
            wanted: what it is.
            work: does it.
            tries: how often it was tried, this time with it, where it is kept to be tried again; None where it is not.

        Returns:
            whether it is settled: False if it is to be tried again.
        """
        caller = _stranger(sender)
        try:
            caller = await self._caller(sender)
            with acting_as(caller):
                answer = await work(caller)
        except DeliveryTaken:
            structlog.get_logger().info("something from Slack came again", slack_user=sender.identity, **wanted.model_dump())
        except GenieError as error:
            if tries is not None and isinstance(error, Transient):
                await self._put_off(sender, wanted, error, tries)
                return False
            await self._refuse(sender, caller, wanted, error)
        except Exception as error:  # noqa: BLE001  # nobody above would hear of it, and the person waits for a word
            facts = {"error": repr(error)[:500], "slack_user": sender.identity, **wanted.model_dump()}
            structlog.get_logger().exception("something from Slack met an error that nobody foresaw", **facts)
            await self.tell(sender, UNFORESEEN)
        else:
            structlog.get_logger().info("something from Slack was done", person=caller.person, **wanted.model_dump())
            if answer:
                await self.tell(sender, answer)
        return True

    async def _put_off(self, sender: Sender, wanted: Wanted, error: Transient, tries: int) -> None:
        facts = {"why": str(error), "tries": tries, "slack_user": sender.identity, **wanted.model_dump()}
        structlog.get_logger().warning("something from Slack is kept, and tried again", **facts)
        if tries == 1:
            await self.tell(sender, told_later(error))

    async def _caller(self, sender: Sender) -> Caller:
        """Who the person is to Genie.

        Raises:
            Unauthenticated: if nobody said.
        """
        found = await self.engine.access.caller_of("slack", sender.identity, channel=CHANNEL)
        if found is None:
            raise Unauthenticated(
                f"Genie does not know you yet. Ask an admin to run `genie person link NAME --slack {sender.identity}` "
                f"(or `genie person add NAME --role approver --slack {sender.identity}`)."
            )
        return found

    async def _refuse(self, sender: Sender, caller: Caller, wanted: Wanted, error: GenieError) -> None:
        log = structlog.get_logger()
        log.warning("something from Slack was refused", why=str(error), code=error.code, slack_user=sender.identity, **wanted.model_dump())
        if is_misuse(error):
            try:
                with acting_as(caller):
                    await self.engine.slack.refused(wanted.deed, kind=wanted.kind, subject=wanted.subject, answer=error.code)
            except GenieError as trouble:
                log.warning("a refusal could not be audited", why=str(trouble))
        await self.tell(sender, told(error))


def _stranger(sender: Sender) -> Caller:
    """Somebody in Slack whom Genie does not know, for the audit."""
    return Caller(person=f"slack {sender.identity}", channel=CHANNEL, via=f"slack:{sender.identity}")


def _log_untold(sender: Sender, why: str) -> None:
    structlog.get_logger().warning("an answer did not reach Slack", slack_user=sender.identity, why=why)
