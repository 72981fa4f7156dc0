"""People in a fake Slack: what they click, type and submit reaches the app by HTTP, signed, or by the websocket of Socket Mode."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from http.client import HTTPConnection
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from tests.fakes.slack.socket import Ack, TalkingSlack
from tests.fakes.slack.workspace import APP_ID, BOT_USER, SIGNING_SECRET, TEAM, Message

_numbers = itertools.count(1)


class Line(Protocol):
    """How things reach the app: `kind` is Socket Mode's word for it."""

    def send(self, kind: str, payload: dict[str, Any]) -> Ack: ...


class SocketLine:
    """By the websocket."""

    def __init__(self, slack: TalkingSlack) -> None:
        self._slack = slack

    def send(self, kind: str, payload: dict[str, Any]) -> Ack:
        """Push it, and wait for the ack."""
        return self._slack.push(kind, payload)


class HttpLine:
    """By signed requests to the server."""

    def __init__(
        self, server_url: str, *, secret: str = SIGNING_SECRET, ago_s: float = 0, headers: Mapping[str, str] | None = None
    ) -> None:
        self._secret, self._ago_s, self._headers = secret, ago_s, dict(headers or {})
        self._place = urlsplit(server_url).netloc

    def send(self, kind: str, payload: dict[str, Any]) -> Ack:
        """Post it, and give the answer."""
        if kind == "events_api":
            body, form = json.dumps(payload), "application/json"
        else:
            fields = {"payload": json.dumps(payload)} if kind == "interactive" else payload
            body, form = urlencode(fields), "application/x-www-form-urlencoded"
        return self.post(body.encode(), form)

    def post(self, body: bytes, form: str, *, signature: str | None = None) -> Ack:
        """Post a body as it is, with its right signature or another."""
        stamp = str(int(time.time() - self._ago_s))
        right = "v0=" + hmac.new(self._secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
        signed = {"x-slack-request-timestamp": stamp, "x-slack-signature": right if signature is None else signature}
        with closing(HTTPConnection(self._place, timeout=30)) as connection:
            before = time.perf_counter()
            connection.request("POST", "/slack/events", body, {"content-type": form, **signed})
            answer = connection.getresponse()
            said = answer.read()
            seconds = time.perf_counter() - before
        is_json = answer.headers.get("content-type", "").startswith("application/") and said
        return Ack(seconds=seconds, status=answer.status, payload=json.loads(said) if is_json else None)


class SlackPerson:
    """One person in the workspace, or in another."""

    def __init__(self, slack: TalkingSlack, line: Line, user: str = "U0ANNA", *, team: str = TEAM, channel: str = "C0GENERAL") -> None:
        self.slack, self.line, self.user, self.team, self.channel = slack, line, user, team, channel

    @property
    def told(self) -> list[str]:
        """What only this person was told."""
        return self.slack.told(self.user)

    def click(self, message: Message, choice: str, *, value: str | None = None, trigger: str | None = None) -> Ack:
        """Press a button of a message."""
        button = next(each for each in message.buttons if each["action_id"] == f"genie_{choice}")
        block = next(block["block_id"] for block in message.blocks if block["type"] == "actions" and button in block["elements"])
        return self.press(button["action_id"], button["value"] if value is None else value, block=block, message=message, trigger=trigger)

    def press(self, action: str, value: str, *, block: str, message: Message, trigger: str | None = None) -> Ack:
        """Press a button that may not be there any more."""
        pressed = {"type": "button", "action_id": action, "block_id": block, "value": value, "action_ts": f"{time.time():.6f}"}
        channel, ts = message.channel, message.ts
        payload = {
            **self._interaction("block_actions"),
            "trigger_id": trigger or self.slack.workspace.new_trigger(),
            "container": {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": False},
            "channel": {"id": channel, "name": "general"},
            "message": message.shown(metadata=False),
            "response_url": self.slack.response_url(self.user, channel),
            "actions": [pressed],
        }
        return self.line.send("interactive", payload)

    def submit(self, view: dict[str, Any], values: Mapping[str, str]) -> Ack:
        """Fill in a modal's fields, by the ids of their actions, and submit it."""
        state: dict[str, Any] = {}
        for block in view["blocks"]:
            if block["type"] == "input" and (element := block["element"])["action_id"] in values:
                state[block["block_id"]] = {element["action_id"]: _filled(element, values[element["action_id"]])}
        payload = {**self._interaction("view_submission"), "view": {**view, "state": {"values": state}}, "response_urls": []}
        return self.line.send("interactive", payload)

    def command(self, text: str, *, channel: str | None = None, trigger: str | None = None) -> Ack:
        """Type `/genie` and a text."""
        where = channel or self.channel
        fields = {
            "token": "deprecated",
            "team_id": self.team,
            "team_domain": "genie",
            "channel_id": where,
            "channel_name": "directmessage" if where.startswith("D") else "general",
            "user_id": self.user,
            "user_name": self.user.lower(),
            "command": "/genie",
            "text": _escaped(text),
            "api_app_id": APP_ID,
            "is_enterprise_install": "false",
            "response_url": self.slack.response_url(self.user, where),
            "trigger_id": trigger or self.slack.workspace.new_trigger(),
        }
        return self.line.send("slash_commands", fields)

    def mention(self, text: str, *, thread: Message | None = None, channel: str | None = None) -> tuple[Message, Callable[[], Ack]]:
        """Mention the app in a message; what comes back is the message, and what delivers the event once more."""
        where = channel or (self.channel if thread is None else thread.channel)
        typed = f"<@{BOT_USER}> {_escaped(text)}"
        thread_ts = None if thread is None else thread.thread_ts or thread.ts
        message = self.slack.workspace.say(where, self.user, typed, thread_ts=thread_ts)
        event: dict[str, Any] = {
            "type": "app_mention",
            "user": self.user,
            "text": typed,
            "ts": message.ts,
            "channel": where,
            "team": self.team,
        }
        if thread_ts is not None:
            event["thread_ts"] = thread_ts
        payload = {
            "token": "deprecated",
            "team_id": self.team,
            "api_app_id": APP_ID,
            "event": {**event, "event_ts": message.ts},
            "type": "event_callback",
            "event_id": f"Ev{next(_numbers):08d}{time.time_ns()}",
            "event_time": int(time.time()),
            "authorizations": [{"enterprise_id": None, "team_id": self.team, "user_id": BOT_USER, "is_bot": True}],
        }

        def deliver() -> Ack:
            return self.line.send("events_api", payload)

        deliver()
        return message, deliver

    def _interaction(self, kind: str) -> dict[str, Any]:
        return {
            "type": kind,
            "team": {"id": self.team, "domain": "genie"},
            "user": {"id": self.user, "username": self.user.lower(), "name": self.user.lower(), "team_id": self.team},
            "api_app_id": APP_ID,
            "token": "deprecated",
            "enterprise": None,
            "is_enterprise_install": False,
        }


def make_known(rows: Callable[..., Any], **roles: str) -> None:
    """Make people known to Genie, each with a role on everything: `anna` is the user U0ANNA.

    Args:
        rows: runs a query on Genie's database.
        roles: of each, by name.
    """
    query = """
        WITH made AS (INSERT INTO people (name, grants, created_by) VALUES (%s, %s::jsonb, 'test') RETURNING name)
        INSERT INTO identities (kind, value, person) SELECT 'slack', %s, name FROM made RETURNING 1
    """
    for name, role in roles.items():
        rows(query, name, json.dumps([{"role": role, "repo": "**"}]), f"{TEAM}/U0{name.upper()}")


def _filled(element: dict[str, Any], value: str) -> dict[str, Any]:
    if element["type"] == "static_select":
        option = next(each for each in element["options"] if each["value"] == value)
        return {"type": "static_select", "selected_option": option}
    return {"type": element["type"], "value": value}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
