"""Pages of other origins: none may call the server but those that are named, and they send a key as everyone does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response

_METHODS: Final = "GET, POST, PUT, DELETE"
_HEADERS: Final = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id"
_SHOWN: Final = (
    "Location, Retry-After, Idempotency-Replayed, X-Request-Id, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, WWW-Authenticate"
)
_MINUTES: Final = 10


def allowed_origin(headers: Headers, origins: frozenset[str]) -> str | None:
    """The origin that a request comes from, if it is one of those that are named."""
    origin = headers.get("origin", "")
    return origin if origin.lower() in origins else None


def preflight(method: str, headers: Headers, origins: frozenset[str]) -> Response | None:
    """The answer to a browser that asks first whether a page may call; None for any other request. It asks without a key."""
    asks = method == "OPTIONS" and "access-control-request-method" in headers
    if not asks or allowed_origin(headers, origins) is None:
        return None
    granted = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": _HEADERS,
        "Access-Control-Max-Age": str(_MINUTES * 60),
    }
    return Response(status_code=204, headers=granted)


def shared_with(origin: str | None) -> Mapping[str, str]:
    """The headers with which a browser lets a page of an origin see the answer. Never with cookies or logins of the browser's own."""
    if origin is None:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _SHOWN}
