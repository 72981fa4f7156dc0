"""The connection to the provider of the models, with the real key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Self
from weakref import WeakKeyDictionary

import httpx2

from executors.gateway.assembly import stream_of
from executors.gateway.failures import CallFailed, judge_error, judge_event, judge_status
from executors.gateway.requests import Asked
from executors.gateway.sse import Event, Events
from executors.provider_keys import ProviderKeys
from executors.trouble import Trouble

PROVIDER: Final = "anthropic"
SETTING: Final = "ANTHROPIC_API_KEY"

_ADDRESS: Final = "https://api.anthropic.com"
_TIMEOUT: Final = httpx2.Timeout(connect=15.0, read=600.0, write=60.0, pool=60.0)
"""Between two bytes of an answer: the provider sends pings while a model thinks, but others that speak its protocol do not."""
_LIMITS: Final = httpx2.Limits(max_connections=1_000, max_keepalive_connections=100, keepalive_expiry=60.0)
"""Tools run between two calls, and a connection that is made anew costs more than one that waited."""

_PASSED_ON: Final = ("anthropic-version", "anthropic-beta", "user-agent")
_OK: Final = 200


class Answer:
    """An answer as it comes; its first event is there already."""

    def __init__(self, events: AsyncGenerator[Event], first: Event, request_id: str) -> None:
        """Keep what was read to see that there is an answer at all."""
        self._events = events
        self._first: Event | None = first
        self.request_id = request_id

    def __aiter__(self) -> Self:
        """Give every event, until the end of the stream."""
        return self

    async def __anext__(self) -> Event:
        """Give the next event.

        Raises:
            CallFailed: if the provider breaks off.
        """
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return await anext(self._events)


class Upstream:
    """Calls the Messages API of the provider; one for all attempts of an executor, so that connections are used again."""

    def __init__(self, keys: ProviderKeys) -> None:
        """Keep the key and the address; nothing is opened before the first call."""
        known = keys.of(PROVIDER)
        self._key = known.key
        self._address = (known.base_url or _ADDRESS).rstrip("/")
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient] = WeakKeyDictionary()

    async def close(self) -> None:
        """Close what is open."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    @asynccontextmanager
    async def ask(self, model: str, body: Mapping[str, Any], asked: Asked) -> AsyncGenerator[Answer]:
        """Send a request that asks for a stream; leaving the block ends the call.

        Raises:
            CallFailed: if there is no answer, judged.
        """
        response = await self._send(model, "/v1/messages", body, asked)
        events = _events_of(response, model, self)
        try:
            first = await anext(events, None)
            if first is None:
                raise CallFailed(Trouble(said=f"{model} answered nothing", retry=True, charged=True))
            yield Answer(events, first, response.headers.get("request-id", ""))
        finally:
            await events.aclose()
            await response.aclose()

    async def count(self, model: str, body: Mapping[str, Any], asked: Asked) -> bytes:
        """Count the tokens of a request, which costs nothing.

        Raises:
            CallFailed: if there is no answer, judged.
        """
        response = await self._send(model, "/v1/messages/count_tokens", body, asked)
        try:
            return await response.aread()
        except httpx2.HTTPError as exc:
            raise CallFailed(judge_error(exc, model)) from exc
        finally:
            await response.aclose()

    async def _send(self, model: str, path: str, body: Mapping[str, Any], asked: Asked) -> httpx2.Response:
        if self._key is None:
            raise CallFailed(Trouble(said=f"{model} needs a key: set {SETTING}", retry=False, charged=False))
        client = self._client()
        given = {name: asked.request.headers[name] for name in _PASSED_ON if name in asked.request.headers}
        # Not compressed: it would only wait for more before it comes.
        given |= {"x-api-key": self._key.get_secret_value(), "content-type": "application/json", "accept-encoding": "identity"}
        # Where nothing of it was changed, it goes out as it came in.
        content = asked.request.body if body is asked.body else json.dumps(body, ensure_ascii=False).encode(errors="surrogatepass")
        url = f"{self._address}{path}" + (f"?{asked.request.query}" if asked.request.query else "")
        try:
            response = await client.send(client.build_request("POST", url, content=content, headers=given), stream=True)
            if response.status_code == _OK:
                return response
            said = await _read(response)
        except httpx2.HTTPError as exc:
            raise CallFailed(judge_error(exc, model)) from exc
        said = self.hidden(said)
        raise CallFailed(judge_status(response.status_code, said, response.headers, model, SETTING), status=response.status_code, body=said)

    def hidden(self, said: bytes) -> bytes:
        """Return what a provider said without the key, which it may have repeated."""
        return said if self._key is None else said.replace(self._key.get_secret_value().encode(), b"***")

    def _client(self) -> httpx2.AsyncClient:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = httpx2.AsyncClient(timeout=_TIMEOUT, limits=_LIMITS)
        return self._clients[loop]


async def _read(response: httpx2.Response) -> bytes:
    try:
        return (await response.aread())[:65_536]
    finally:
        await response.aclose()


async def _events_of(response: httpx2.Response, model: str, upstream: Upstream) -> AsyncGenerator[Event]:
    """Every event of an answer; one that is no stream, as some who speak the protocol give it, is taken apart into one."""
    events, begun = Events(), False
    try:
        if "event-stream" not in response.headers.get("content-type", ""):
            message = json.loads(await response.aread())
            if not isinstance(message, dict) or message.get("type") != "message":
                message = f"it is no message: {str(message)[:100]}"
                raise ValueError(message)  # noqa: TRY301  (as where it is no JSON)
            for raw in stream_of(message):
                for event in events.feed(raw):
                    yield event
            return
        async for chunk in response.aiter_bytes():
            for event in events.feed(chunk):
                if event.kind == "error":
                    raise CallFailed(judge_event(json.loads(upstream.hidden(event.raw.partition(b"data:")[2])), model, charged=begun))
                begun = begun or event.kind == "message_start"
                yield event
    except httpx2.HTTPError as exc:
        raise CallFailed(judge_error(exc, model)) from exc
    except ValueError as exc:
        raise CallFailed.nonsense(model, exc) from exc
