"""The fake with all that an app hears from Slack: Socket Mode's websocket, and the addresses for answers that one person sees."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.slack.methods import Refused
from tests.fakes.slack.server import FakeSlack

SOON_S = 30.0


@dataclass(kw_only=True)
class Ack:
    """What an app said at once to something it was sent, and after how long."""

    seconds: float
    status: int = 200
    payload: dict[str, Any] | None = None


@dataclass(kw_only=True)
class _Envelope:
    sent_at: float = field(default_factory=time.perf_counter)
    acked: threading.Event = field(default_factory=threading.Event)
    ack: Ack | None = None


class TalkingSlack(FakeSlack):
    """A fake Slack that also talks to the app."""

    def __init__(self) -> None:
        super().__init__()
        self.connections = 0
        """How many websockets were opened, all in all."""
        self.answers: list[dict[str, Any]] = []
        """What came to addresses for answers, each with the user who sees it."""
        self.patience_s = SOON_S
        """How long it waits for an ack."""
        self._sockets: list[web.WebSocketResponse] = []
        self._envelopes: dict[str, _Envelope] = {}
        self._ids = itertools.count(1)
        self._tickets: set[str] = set()
        """Each is good for one connection, and for none after an outage."""

    def routes(self) -> list[web.RouteDef]:
        """Those of the Web API, and ours."""
        return [*super().routes(), web.get("/link", self._link), web.post("/respond/{user}/{channel}", self._respond)]

    def method(self, name: str, args: dict[str, Any], token: str) -> dict[str, Any]:
        """As without Socket Mode, and the method that opens it."""
        if name != "apps.connections.open":
            return super().method(name, args, token)
        if token not in self.workspace.app_tokens:
            raise Refused("invalid_auth")
        ticket = str(next(self._ids))
        self._tickets.add(ticket)
        return {"url": f"ws://127.0.0.1:{self.port}/link?ticket={ticket}"}

    def response_url(self, user: str, channel: str) -> str:
        """Where an app answers one person."""
        return f"http://127.0.0.1:{self.port}/respond/{user}/{channel}"

    def told(self, user: str) -> list[str]:
        """All that only this user was told, in the order of arrival."""
        with self.workspace.lock:
            said = [(each["n"], each["text"]) for each in self.answers if each["user"] == user]
            return [text for _, text in said] + [
                str(each["text"]) for channel in self.workspace.channels.values() for each in channel.ephemerals if each["user"] == user
            ]

    @property
    def linked(self) -> int:
        """How many websockets are open."""
        return len([socket for socket in self._sockets if not socket.closed])

    def push(self, kind: str, payload: dict[str, Any], *, envelope_id: str | None = None, retry: int = 0) -> Ack:
        """Send an envelope to the newest connection, and wait for its ack."""
        name = envelope_id or f"envelope-{next(self._ids)}"
        envelope = self._envelopes[name] = _Envelope()
        body = {"envelope_id": name, "type": kind, "payload": payload, "accepts_response_payload": kind != "events_api"}
        if kind == "events_api":
            body |= {"retry_attempt": retry, "retry_reason": "timeout" if retry else ""}
        self.submit(self._push(body)).result(SOON_S)
        assert envelope.acked.wait(self.patience_s), f"the envelope {name} was not acknowledged within {self.patience_s} s"
        assert envelope.ack is not None
        return envelope.ack

    def die(self) -> None:
        """Refuse connections from now on; websockets are cut too."""
        super().die()
        self._sockets.clear()
        self._tickets.clear()

    def drop(self) -> None:
        """Cut every websocket, as a network does."""
        self.submit(self._drop()).result(SOON_S)

    def ask_to_reconnect(self) -> None:
        """Tell every client that its websocket will be closed, as Slack does every few hours."""
        self.submit(self._say_to_all({"type": "disconnect", "reason": "refresh_requested"})).result(SOON_S)

    async def _link(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("ticket") not in self._tickets:
            raise web.HTTPForbidden
        self._tickets.discard(request.query["ticket"])
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        await socket.send_json({"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A0GENIE"}})
        self._sockets.append(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._take(json.loads(message.data))
        finally:
            if socket in self._sockets:
                self._sockets.remove(socket)
        return socket

    def _take(self, said: dict[str, Any]) -> None:
        envelope = self._envelopes.get(said.get("envelope_id", ""))
        if envelope is not None and envelope.ack is None:
            envelope.ack = Ack(seconds=time.perf_counter() - envelope.sent_at, payload=said.get("payload"))
            envelope.acked.set()

    async def _push(self, body: dict[str, Any]) -> None:
        async with asyncio.timeout(SOON_S):
            while not (live := [socket for socket in self._sockets if not socket.closed]):
                await asyncio.sleep(0.01)
        self._envelopes[body["envelope_id"]].sent_at = time.perf_counter()
        await live[-1].send_json(body)

    async def _drop(self) -> None:
        for socket in self._sockets:
            if not socket.closed and socket._req is not None and socket._req.transport is not None:  # there is no other way to cut it
                socket._req.transport.abort()
        self._sockets.clear()

    async def _say_to_all(self, body: dict[str, Any]) -> None:
        for socket in self._sockets:
            if not socket.closed:
                await socket.send_json(body)

    async def _respond(self, request: web.Request) -> web.Response:
        body = await request.json()
        told = {"n": next(self._ids), "user": request.match_info["user"], "channel": request.match_info["channel"], **body}
        with self.workspace.lock:
            self.answers.append(told)
        return web.json_response({"ok": True})
