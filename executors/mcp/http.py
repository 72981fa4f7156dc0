"""An MCP server at a URL: each request is a POST, whose answer is JSON or a stream of events."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from epics.agent_errors import McpServerBroken
from executors.mcp.wire import CHANGED, FLOOD, LONGEST, encoded, is_answer, message_in, one_line, reply_to, result_of
from safety.addresses import is_loopback

_TIMEOUT: Final = httpx2.Timeout(connect=15.0, read=None, write=30.0, pool=15.0)
"""What each request may take is its caller's to say."""
_END_S: Final = 1.0
_MOST_REPLIES: Final = 20
_LONGEST_ID: Final = 1_024
_OK: Final = range(200, 300)
_GONE: Final = 404
_ACCEPTED: Final = 202
_SESSION: Final = "mcp-session-id"
_VERSION: Final = "mcp-protocol-version"
_FAILURES: Final = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ValueError, OSError)


class HttpConnection:
    """A server that is reached by streamable HTTP."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        """Keep the address; nothing is opened before the first request.

        Raises:
            McpServerBroken: if the URL or a header is none.
        """
        self.tools_changed = False
        self._ids = itertools.count(1)
        self._ended = ""
        self._session: dict[str, str] = {}
        try:
            self._client = httpx2.AsyncClient(
                timeout=_TIMEOUT, follow_redirects=False, headers=dict(headers), trust_env=not is_loopback(urlsplit(url).hostname)
            )
            self._url = httpx2.URL(url)
        except _FAILURES as exc:
            raise McpServerBroken(f"its URL or a header cannot be used: {type(exc).__name__}") from exc

    @property
    def ended(self) -> str:
        """Why nothing more can be asked."""
        return self._ended

    async def request(self, method: str, params: Mapping[str, Any], *, seconds: float) -> Any:
        """Ask, and return the result."""
        if self._ended:
            raise McpServerBroken(self._ended)
        n = next(self._ids)
        try:
            async with asyncio.timeout(seconds), self._posted({"id": n, "method": method, "params": dict(params)}) as response:
                answer = await self._answer(response, n)
                if method == "initialize":
                    self._keep_session(response)
        except TimeoutError as exc:
            raise McpServerBroken(f"it did not answer {method} within {seconds:g} s") from exc
        except _FAILURES as exc:
            raise McpServerBroken(f"it cannot be reached: {one_line(exc) or type(exc).__name__}") from exc
        result = result_of(answer)
        if method == "initialize" and isinstance(result, dict):
            self._session[_VERSION] = one_line(result.get("protocolVersion"), 20)
        return result

    async def notify(self, method: str) -> None:
        """Tell something that is not answered."""
        with contextlib.suppress(*_FAILURES, McpServerBroken):
            async with asyncio.timeout(_END_S * 5), self._posted({"method": method}):
                pass

    async def close(self) -> None:
        """End the session, if there is one, and the connections."""
        self._ended = self._ended or "it was ended"
        if _SESSION in self._session:
            with contextlib.suppress(*_FAILURES):
                async with asyncio.timeout(_END_S):
                    await self._client.delete(self._url, headers=self._session)
            self._session.pop(_SESSION, None)
        await asyncio.shield(self._client.aclose())

    @asynccontextmanager
    async def _posted(self, message: Mapping[str, Any]) -> AsyncGenerator[httpx2.Response]:
        # Not packed: a few bytes that are unpacked are as many as somebody likes.
        kinds = {"content-type": "application/json", "accept": "application/json, text/event-stream", "accept-encoding": "identity"}
        headers = {**kinds, **self._session}
        async with self._client.stream("POST", self._url, content=encoded(message), headers=headers) as response:
            yield response

    def _keep_session(self, response: httpx2.Response) -> None:
        session = response.headers.get(_SESSION, "")
        if session and (len(session) > _LONGEST_ID or not session.isascii() or not session.isprintable()):
            raise McpServerBroken("it gave a session an id that is none")
        if session:
            self._session[_SESSION] = session

    async def _answer(self, response: httpx2.Response, n: int) -> dict[str, Any]:
        """The answer to a request, wherever in the response it stands.

        Raises:
            McpServerBroken: if it is not there.
        """
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if response.status_code not in _OK or response.status_code == _ACCEPTED:
            raise await self._refused(response, kind)
        if kind == "text/event-stream":
            return await self._answer_in_events(response, n)
        message = message_in(await _body(response)) if kind == "application/json" else None
        if message is None or not is_answer(message) or message.get("id") != n or type(message["id"]) is not int:
            raise McpServerBroken(f"it answered with what is no answer to the request ({one_line(kind) or 'of no kind'})")
        return message

    async def _refused(self, response: httpx2.Response, kind: str) -> McpServerBroken:
        if response.status_code == _GONE and _SESSION in self._session:
            self._session.clear()
            self._ended = "it has ended the session"
            return McpServerBroken(self._ended)
        said = ""
        if kind == "application/json" and (message := message_in(await _body(response))) and isinstance(message.get("error"), dict):
            said = one_line(message["error"].get("message"))
        return McpServerBroken(f"it answered with status {response.status_code}{f': {said}' if said else ''}")

    async def _answer_in_events(self, response: httpx2.Response, n: int) -> dict[str, Any]:
        rest, data, total, replies = bytearray(), bytearray(), 0, 0
        async for chunk in response.aiter_raw():
            total += len(chunk)
            rest += chunk
            if len(rest) + len(data) > LONGEST or total > FLOOD:
                raise McpServerBroken(f"it said more than {LONGEST} bytes in one message, or {FLOOD} that nobody asked for")
            # Line by line: what has been looked at is not looked at again, however small the pieces are in which it comes.
            *lines, rest = rest.split(b"\n") if b"\n" in chunk else [rest]
            for line in lines:
                if line.startswith(b"data:"):
                    data += line[5:].removeprefix(b" ") + b"\n"
                if line.rstrip(b"\r") or not data:
                    continue
                message, data = message_in(bytes(data)), bytearray()
                if message is None:
                    continue
                if is_answer(message) and type(message.get("id")) is int and message["id"] == n:
                    return message
                replies += await self._met(message, replies)
        raise McpServerBroken("it ended its answer before it had given one")

    async def _met(self, message: Mapping[str, Any], replies: int) -> int:
        """Take in what the server says beside its answer; return how often it was replied to."""
        if message.get("method") == CHANGED:
            self.tools_changed = True
        if "method" not in message or "id" not in message or replies >= _MOST_REPLIES:
            return 0
        async with self._posted(reply_to(message)):
            return 1


async def _body(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LONGEST:
            raise McpServerBroken(f"it answered with more than {LONGEST} bytes")
    return bytes(body)
