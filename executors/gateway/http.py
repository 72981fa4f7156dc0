"""What a gateway answers over HTTP: two calls of the Messages API, and Genie's own tools, to who has the token; and nothing else."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from executors.gateway.own_tools import PATH, OwnTools
from executors.gateway.refusals import NEVER_AGAIN, Head, error_body
from executors.gateway.requests import Request
from executors.gateway.session import GatewaySession
from executors.gateway.sse import PING

_LONGEST_BODY: Final = 32 * 1024 * 1024
"""What the Messages API takes at most."""
_PING_S: Final = 10.0
"""A CLI that hears nothing for long gives a call up."""
_GREETINGS: Final = frozenset({("HEAD", "/"), ("GET", "/"), ("HEAD", "/api/hello"), ("GET", "/api/hello")})

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class GatewayApp:
    """The ASGI application of one session; plain, since each layer would come before the first byte of every answer."""

    def __init__(self, session: GatewaySession, tools: OwnTools | None = None) -> None:
        """Serve a session, and Genie's own tools beside it."""
        self._session = session
        self._tools = tools
        self._calls: set[asyncio.Task[None]] = set()

    async def end(self) -> None:
        """End the calls that are under way; what is being recorded is written to its end."""
        for call in tuple(self._calls):
            call.cancel()
        if self._calls:
            await asyncio.wait(self._calls)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        reply = _Reply(send)
        if (scope["method"], scope["path"]) in _GREETINGS:
            await reply.give(Head(status=200))
            await reply.end()
            return
        calls = {"/v1/messages": self._session.messages, "/v1/messages/count_tokens": self._session.count_tokens}
        call = calls.get(scope["path"]) if scope["method"] == "POST" else None
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if call is None and not self._speaks(scope):
            await reply.error(404, "not_found_error", "genie: the gateway has no such thing")
        elif not _shows(headers, self._session.token):
            await reply.error(401, "authentication_error", "genie: this is not the token of the attempt")
        elif call is None:
            await self._speak(scope, receive, send)
        elif (body := await _body(receive)) is None:
            await reply.error(413, "request_too_large", f"genie: a request has at most {_LONGEST_BODY} bytes")
        else:
            request = Request(body=body, headers=headers, query=scope["query_string"].decode("latin-1"))
            await self._follow(call(request, reply.give), reply, receive)

    def _speaks(self, scope: MutableMapping[str, Any]) -> bool:
        return self._tools is not None and bool(self._tools.offered) and scope["path"] == PATH and scope["method"] == "POST"

    async def _speak(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a call of a tool, or end it with all the others."""
        if self._tools is None:
            return
        call = asyncio.ensure_future(self._tools.answer(scope, receive, send, broken=self._session.broken))
        self._calls.add(call)
        try:
            await call
        finally:
            self._calls.discard(call)

    async def _follow(self, calling: Awaitable[None], reply: _Reply, receive: Receive) -> None:
        """See a call to its end, or end it when nobody waits for its answer any more."""
        call = asyncio.ensure_future(calling)
        self._calls.add(call)
        gone = asyncio.ensure_future(_gone(receive))
        pings = asyncio.ensure_future(reply.keep_alive())
        try:
            await asyncio.wait({call, gone}, return_when=asyncio.FIRST_COMPLETED)
            call.cancel()
            await asyncio.wait({call})
            if not call.cancelled():
                call.result()
                await reply.end()
        finally:
            self._calls.discard(call)
            for task in (call, gone, pings):
                task.cancel()


class _Reply:
    """One answer on its way out."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False
        self._streams = False
        self._late = False
        self._given_at = 0.0

    async def give(self, part: Head | bytes) -> None:
        """Send what goes before an answer, or some of its bytes."""
        self._given_at = asyncio.get_running_loop().time()
        if isinstance(part, bytes):
            body = b"event: error\ndata: %s\n\n" % part if self._late else part
            await self._send({"type": "http.response.body", "body": body, "more_body": True})
            return
        # An error that comes when a stream has begun can only be told in it.
        self._late = self._begun
        if self._late:
            return
        self._begun = True
        self._streams = part.content_type.startswith("text/event-stream")
        headers = [(b"content-type", part.content_type.encode())]
        headers += [NEVER_AGAIN] if part.final else []
        headers += [(b"request-id", part.request_id.encode("latin-1"))] if part.request_id else []
        await self._send({"type": "http.response.start", "status": part.status, "headers": headers})

    async def end(self) -> None:
        """End the answer."""
        if self._begun:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def error(self, status: int, kind: str, said: str) -> None:
        """Answer with an error."""
        await self.give(Head(status=status, final=True))
        await self.give(error_body(kind, said))
        await self.end()

    async def keep_alive(self) -> None:
        """Send a sign of life where a stream is silent for long, until this is cancelled."""
        while True:
            await asyncio.sleep(_PING_S)
            if self._streams and asyncio.get_running_loop().time() - self._given_at >= _PING_S:
                await self.give(PING)


def _shows(headers: dict[str, str], token: str) -> bool:
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    shown = headers.get("x-api-key") or (bearer if scheme.lower() == "bearer" else "")
    return hmac.compare_digest(shown.encode(), token.encode())


async def _body(receive: Receive) -> bytes | None:
    """The body of a request; None if it is too long."""
    parts, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > _LONGEST_BODY:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
