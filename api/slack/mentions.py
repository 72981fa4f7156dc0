"""Mentions: in a channel a goal for a new epic, in the thread of an epic a word to its agent."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from api.slack.command_line import Verb, in_ask, in_thread, meant
from api.slack.commands import Commands, Said
from api.slack.decisions import delivery_of
from api.slack.desk import Desk, Wanted
from api.slack.inbox import Inbox, Kind, Received
from api.slack.sender import sender_of
from api.slack.written import without_mention, written
from engine.slack.places import Place
from epics.callers import Caller

if TYPE_CHECKING:
    from slack_bolt.response import BoltResponse

_ASKING: Final = frozenset({"", Verb.STATUS, Verb.APPROVALS, Verb.WHOAMI, Verb.HELP})
"""What only asks, and is asked again."""


class Mentions:
    """Takes mentions of the app."""

    def __init__(self, desk: Desk, inbox: Inbox, commands: Commands, bot_user: str) -> None:
        """Bind to who does it, and to the user that is mentioned."""
        self._desk = desk
        self._inbox = inbox
        self._commands = commands
        self._bot_user = bot_user
        inbox.does(Kind.MENTION, self._heard)

    async def hear(self, body: dict[str, Any]) -> BoltResponse | None:
        """Take a message; Slack sends it again until it hears that it came, and it counts once."""
        sender, event = sender_of(body), body["event"]
        if event.get("bot_id") or event.get("subtype") or not sender.user:
            return None  # programs that talk to each other would never end
        text, ts = written(without_mention(str(event.get("text", "")), self._bot_user)), str(event.get("ts", ""))
        delivery = delivery_of(sender, f"event {body.get('event_id')}", f"message {sender.channel} {ts}")
        place = Place(channel=sender.channel, thread=sender.thread or ts)
        wanted = Wanted(deed="mention", kind="message", subject=ts)
        content = Said(text=text, place=place).model_dump(mode="json")
        received = Received(kind=Kind.MENTION, sender=sender, wanted=wanted, delivery=delivery, content=content)
        if text.strip().lower() in _ASKING:
            self._desk.take(sender, wanted, partial(self._heard, received))
            return None
        return await self._inbox.take(received)

    async def _heard(self, received: Received, caller: Caller) -> str | None:
        sender, said = received.sender, Said.model_validate(received.content)
        epic = await self._desk.engine.slack.epic_of_thread(sender.channel, sender.thread) if sender.thread else None
        ask = await self._desk.engine.slack.asks.of_thread(sender.channel, sender.thread) if sender.thread and epic is None else None
        line = in_thread(said.text, epic) if epic is not None else (in_ask(said.text, ask) if ask else None) or meant(said.text)
        return await self._commands.do(line, sender, said.place, received.delivery, caller)
