"""Mentions: in a channel a goal for a new epic, in the thread of an epic a word to its agent."""

from __future__ import annotations

from functools import partial
from typing import Any

from api.slack.command_line import in_thread, meant
from api.slack.commands import Commands
from api.slack.decisions import delivery_of
from api.slack.desk import Desk, Wanted
from api.slack.sender import Sender, sender_of
from api.slack.written import without_mention, written
from db.hooks import Delivery
from engine.slack.deeds import Place
from epics.callers import Caller


class Mentions:
    """Takes mentions of the app."""

    def __init__(self, desk: Desk, commands: Commands, bot_user: str) -> None:
        """Bind to who does it, and to the user that is mentioned."""
        self._desk = desk
        self._commands = commands
        self._bot_user = bot_user

    async def hear(self, body: dict[str, Any]) -> None:
        """Take a message; Slack sends it again until it hears that it came, and it counts once."""
        sender, event = sender_of(body), body["event"]
        if event.get("bot_id") or event.get("subtype") or not sender.user:
            return  # programs that talk to each other would never end
        text, ts = written(without_mention(str(event.get("text", "")), self._bot_user)), str(event.get("ts", ""))
        delivery = delivery_of(sender, f"event {body.get('event_id')}", f"message {sender.channel} {ts}")
        place = Place(channel=sender.channel, thread=sender.thread or ts)
        self._desk.take(sender, Wanted(deed="mention", kind="message", subject=ts), partial(self._heard, sender, text, place, delivery))

    async def _heard(self, sender: Sender, text: str, place: Place, delivery: Delivery, caller: Caller) -> str | None:
        epic = await self._desk.engine.slack.epic_of_thread(sender.channel, sender.thread) if sender.thread else None
        line = in_thread(text, epic) if epic is not None else meant(text)
        return await self._commands.do(line, sender, place, delivery, caller)
