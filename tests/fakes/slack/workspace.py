"""What a fake Slack keeps: its channels, people, messages in every version that they had, modals, and each call that was made."""

from __future__ import annotations

import itertools
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

TEAM = "T0GENIE"
BOT_USER = "U0GENIE"
BOT_ID = "B0GENIE"
APP_ID = "A0GENIE"
BOT_TOKEN = "xoxb-1000-2000-thebottokenofthefake"
APP_TOKEN = "xapp-1-A0GENIE-3000-theapptokenofthefake"
SIGNING_SECRET = "5ea1ed0000000000000000000000f4ce"

_MENTION = re.compile(r"<(?:!(channel|here|everyone)|@([UW][A-Z0-9]+)|!subteam\^([A-Z0-9]+))[^>]*>")
_TYPED = re.compile(r"(?<!\w)@(channel|here|everyone)\b")


@dataclass(kw_only=True)
class Message:
    """One message, with all that it said before it was edited."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    thread_ts: str | None = None
    metadata: dict[str, Any] | None = None
    versions: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)
    deleted: bool = False
    at: float = field(default_factory=time.monotonic)

    @property
    def key(self) -> str:
        """What the app says that the message is about; empty if it says nothing."""
        return str(((self.metadata or {}).get("event_payload") or {}).get("key", ""))

    @property
    def buttons(self) -> list[dict[str, Any]]:
        """The elements of its actions, in order."""
        return [element for block in self.blocks if block["type"] == "actions" for element in block["elements"]]

    @property
    def said(self) -> str:
        """All that one reads in it."""
        return "\n".join([self.text, *texts_in(self.blocks)])

    @property
    def notified(self) -> set[str]:
        """Whom the message calls: users by their id, and channel, here or everyone."""
        told = [self.text] if not self.blocks else []
        objects = [each for each in _objects(self.blocks) if each.get("type") == "mrkdwn"]
        told += [each["text"] for each in objects]
        # What is not said to be verbatim Slack reads as a person would have typed it.
        read = {found[1] for each in objects if not each.get("verbatim") for found in _TYPED.finditer(each["text"])}
        return read | {next(filter(None, found.groups())) for text in told for found in _MENTION.finditer(text)}

    def shown(self, *, metadata: bool) -> dict[str, Any]:
        """The message as the Web API gives it."""
        body: dict[str, Any] = {"type": "message", "ts": self.ts, "user": self.user, "text": self.text, "blocks": self.blocks}
        if self.user == BOT_USER:
            body |= {"bot_id": BOT_ID, "app_id": APP_ID, "team": TEAM}
        if self.thread_ts is not None:
            body["thread_ts"] = self.thread_ts
        if self.versions:
            body["edited"] = {"user": self.user, "ts": self.ts}
        if metadata and self.metadata is not None:
            body["metadata"] = self.metadata
        return body


@dataclass(kw_only=True)
class Channel:
    """A channel, and what was said in it."""

    id: str
    name: str
    archived: bool = False
    is_member: bool = True
    messages: dict[str, Message] = field(default_factory=dict)
    ephemerals: list[dict[str, Any]] = field(default_factory=list)
    posted_at: float = float("-inf")

    def live(self) -> list[Message]:
        """The messages that can be seen, in order."""
        return [message for message in self.messages.values() if not message.deleted]

    def thread(self, ts: str) -> list[Message]:
        """A message and the replies to it that can be seen, in order."""
        return [message for message in self.live() if ts in {message.ts, message.thread_ts}]


@dataclass(kw_only=True)
class Call:
    """One call of a method, and what it was answered."""

    method: str
    args: dict[str, Any]
    at: float
    status: int = 0
    answer: dict[str, Any] = field(default_factory=dict)


class Workspace:
    """One Slack workspace; `lock` is held while a method works on it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.team = TEAM
        self.tokens = {BOT_TOKEN}
        self.app_tokens = {APP_TOKEN}
        self.channels: dict[str, Channel] = {}
        self.users: dict[str, dict[str, Any]] = {}
        self.views: list[dict[str, Any]] = []
        self.triggers: dict[str, float] = {}
        self.calls: list[Call] = []
        self._numbers = itertools.count(1)
        self.add_channel("C0GENERAL", "general")
        self.add_user("U0ANNA", "anna")

    def add_channel(self, channel: str, name: str) -> Channel:
        """Make a channel that the app is in."""
        made = self.channels[channel] = Channel(id=channel, name=name)
        return made

    def add_user(self, user: str, name: str) -> None:
        """Let somebody join."""
        self.users[user] = {"id": user, "team_id": self.team, "name": name, "real_name": name.title(), "is_bot": False, "deleted": False}

    def new_ts(self) -> str:
        """A timestamp that no message has; later ones are larger."""
        return f"{int(time.time())}.{next(self._numbers):06d}"

    def new_trigger(self) -> str:
        """A trigger id, good for three seconds."""
        trigger = f"{next(self._numbers)}.{self.team}.trigger"
        self.triggers[trigger] = time.monotonic()
        return trigger

    def say(self, channel: str, user: str, text: str, *, thread_ts: str | None = None) -> Message:
        """Let a person say something."""
        with self.lock:
            message = Message(channel=channel, ts=self.new_ts(), user=user, text=text, thread_ts=thread_ts)
            self.channels[channel].messages[message.ts] = message
            return message

    def delete(self, message: Message) -> None:
        """Let a person delete a message."""
        with self.lock:
            message.deleted = True

    def messages(self, channel: str | None = None) -> list[Message]:
        """The messages that can be seen, of one channel or of all, in order."""
        with self.lock:
            found = [message for each in self.channels.values() if channel in {None, each.id} for message in each.live()]
            return sorted(found, key=lambda message: message.ts)

    def about(self, key: str) -> list[Message]:
        """The app's messages that can be seen and whose metadata has a key that begins so."""
        return [message for message in self.messages() if message.key.startswith(key) and message.user == BOT_USER]

    def called(self, method: str) -> list[Call]:
        """The calls of a method, in order."""
        with self.lock:
            return [call for call in self.calls if call.method == method]


def texts_in(blocks: Any) -> list[str]:
    """Every text of some blocks, in order."""
    return [str(each["text"]) for each in _objects(blocks) if isinstance(each.get("text"), str)]


def _objects(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(each for inside in value.values() for each in _objects(inside))]
    if isinstance(value, list):
        return [each for inside in value for each in _objects(inside)]
    return []
