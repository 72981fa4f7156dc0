"""What is around every request: its id, who may ask, the headers of its answer, its line in the log, its figures."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from api.cors import allowed_origin, preflight, shared_with
from api.errors import unforeseen
from api.metrics import Metrics
from api.problems import problem

_SANE_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_EPIC: Final = re.compile(r"/api/v1/epics/(e-[0-9a-z]{10})(?:/|$)")

_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_ONLY_TLS: Final = {"Strict-Transport-Security": "max-age=31536000"}


class Envelope:
    """The outermost layer: nothing leaves the server but through it, not even an error that nobody foresaw."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str], metrics: Metrics, origins: frozenset[str] = frozenset()) -> None:
        """Put the layer around the app.

        Args:
            app: what is inside.
            hosts: the names under which the server may be called.
            metrics: where answers are counted.
            origins: whose pages may call the server, beside its own.
        """
        self._app = app
        self._hosts = hosts
        self._origins = origins
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            given = headers.get("x-request-id", "")
            request_id = given if _SANE_ID.fullmatch(given) else uuid4().hex
            epic = _EPIC.match(scope["path"])
            with bound_contextvars(request_id=request_id, **({"epic": epic[1]} if epic else {})):
                await self._handle(scope, receive, send, request_id)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _handle(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        headers = Headers(scope=scope)
        own = _ONLY_TLS if scope["scheme"] == "https" else {}
        shared = shared_with(allowed_origin(headers, self._origins))
        answering = _Answering(send, {"X-Request-Id": request_id, **_HEADERS, **own, **shared}, varies=bool(self._origins))
        try:
            refusal = refused(headers, self._hosts, self._origins)
            if refusal is not None:
                await problem(403, "origin_refused", refusal)(scope, receive, answering)
            elif (answer := preflight(scope["method"], headers, self._origins)) is not None:
                await answer(scope, receive, answering)
            else:
                await self._app(scope, receive, answering)
        except Exception as error:  # noqa: BLE001  # the outermost place: whatever came up becomes a problem
            if not answering.status:
                await unforeseen(error)(scope, receive, answering)
        finally:
            self._tell(scope, answering)

    def _tell(self, scope: Scope, answering: _Answering) -> None:
        route = getattr(scope.get("route"), "path", "none")
        seconds = answering.began_after or answering.elapsed
        self._metrics.answered(scope["method"], route, answering.status, seconds)
        log = structlog.get_logger()
        shown = scope.get("state", {}).get("shown")
        facts = {
            **({"person": shown.caller.person} if shown is not None else {}),
            "method": scope["method"],
            "path": ascii(scope["path"][:300])[1:-1],
            "status": answering.status,
            "ms": round(seconds * 1000, 1),
        }
        (log.debug if route in {"/health", "/ready", "/metrics"} else log.info)("request", **facts)


class _Answering:
    """Sends an answer with the headers that all have, and notes how it began."""

    def __init__(self, send: Send, headers: Mapping[str, str], *, varies: bool) -> None:
        self._send = send
        self._headers = headers
        self._varies = varies
        self._begun = time.perf_counter()
        self.status = 0
        self.began_after = 0.0

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self._begun

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.began_after = self.elapsed
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
            if self._varies:
                headers.add_vary_header("Origin")
        await self._send(message)


def refused(headers: Headers, hosts: frozenset[str], origins: frozenset[str] = frozenset()) -> str | None:
    """Why a request is refused, or None.

    A page in a browser reaches whatever its machine reaches: by the server's address, and then the browser tells the page's own as Origin,
    or by a name that is made to point here, which it tells as Host. Without keys it could drive the server; with them it could still try.
    """
    host = headers.get("host", "")
    if name_in(f"//{host}") not in hosts:
        return f"this server is not called {host[:200]!r}; call it by one of: {', '.join(sorted(hosts))}"
    if allowed_origin(headers, origins) is not None:
        return None
    origin = headers.get("origin")
    if origin is not None and (name_in(origin) not in hosts or urlsplit(origin).netloc != host):
        return f"a page of {origin[:200]!r} may not call this server"
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return "a page of another site may not call this server"
    return None


def name_in(url: str) -> str:
    """The name of the host in a URL or in what follows its scheme; empty if there is none."""
    try:
        return (urlsplit(url).hostname or "").lower().rstrip(".")
    except ValueError:
        return ""
