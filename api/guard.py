"""The layer that finds out who asks: by a key or a token in the header, and by nothing else. Inside of it, the caller is known."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import foreseen
from api.serving import Serving
from api.shown import Shown
from api.strangers import Strangers, network_of
from engine.access.authenticating import REFUSAL
from epics.access_errors import TooManyRequests, Unauthenticated
from epics.callers import Caller, acting_as
from epics.errors import GenieError, InvalidInput

if TYPE_CHECKING:
    from db.rates import Turn

NOBODY: Final = "nobody"

_OPEN: Final = frozenset({"/health", "/ready", "/metrics"})
_SIGNED: Final = ("/hooks/", "/slack/")
"""What comes here is signed by who sends it."""

_KEY_NAMES: Final = frozenset({"access_token", "api_key", "apikey", "authorization", "bearer", "key", "token"})
_MOST_FIELDS: Final = 1_000


class Guard:
    """Lets nobody in who is not known, and each no oftener than it may ask."""

    def __init__(self, app: ASGIApp, serving: Serving) -> None:
        """Put the layer around the app."""
        self._app = app
        self._serving = serving
        self._strangers = Strangers(serving.settings.failures_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if is_open(scope["path"]):
            # Whoever signs a message is found out by who takes it; until then nobody asks, who may do nothing.
            with acting_as(Caller(person=NOBODY, channel="http", address=_address(scope))):
                await self._app(scope, receive, send)
            return
        try:
            _refuse_keys_in(scope["query_string"])
            shown = await self._known(scope)
            turn = await self._turn(shown.caller)
        except GenieError as error:
            await foreseen(error)(scope, receive, send)
            return
        scope.setdefault("state", {})["shown"] = shown
        with acting_as(shown.caller):
            await self._app(scope, receive, _counted(send, turn, self._serving.settings.requests_at_once) if turn else send)

    async def _known(self, scope: Scope) -> Shown:
        address = _address(scope)
        bearer = bearer_in(Headers(scope=scope))
        if self._serving.keyless is not None:
            return Shown(caller=self._serving.keyless, bearer="", address=address)
        if bearer is None:
            raise Unauthenticated(REFUSAL)
        engine, digest = self._serving.engine, hashlib.sha256(bearer.encode()).digest()
        network = network_of(address)
        self._strangers.refuse(network, digest)
        try:
            caller = await engine.access.authenticate(bearer, channel="http", address=address)
        except Unauthenticated:
            await self._strangers.note(network, digest, engine.guarding)
            raise
        self._strangers.remember(digest)
        return Shown(caller=caller, bearer=bearer, address=address)

    async def _turn(self, caller: Caller) -> Turn | None:
        if self._serving.keyless is not None:
            return None
        settings = self._serving.settings
        # Tokens are made anew at will: those of one person share their turns.
        bucket = f"key {caller.via}" if caller.via.startswith("k-") else f"person {caller.person}"
        turn = await self._serving.engine.guarding.turn(bucket, per_minute=settings.requests_per_minute, at_once=settings.requests_at_once)
        if not turn.allowed:
            message = f"{caller.person} asks more often than {settings.requests_per_minute} times a minute: ask again later"
            raise TooManyRequests(message, turn.retry_after_s)
        return turn


def _address(scope: Scope) -> str:
    return str(scope["client"][0]) if scope.get("client") else ""


def is_open(path: str) -> bool:
    """Whether a path is asked without a key."""
    return path in _OPEN or path.startswith(_SIGNED)


def bearer_in(headers: Headers) -> str | None:
    """The key or token that a request shows, or None if it shows none, or several."""
    given = headers.getlist("authorization")
    if len(given) != 1:
        return None
    scheme, _, bearer = given[0].strip().partition(" ")
    return bearer.strip() or None if scheme.lower() == "bearer" else None


def _refuse_keys_in(query: bytes) -> None:
    """See that no key is in an address, which logs and histories keep.

    Raises:
        InvalidInput: if one is; nothing of it is repeated.
    """
    try:
        names = {name.lower() for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)}
    except ValueError as error:
        raise InvalidInput("the query has too many parameters") from error
    if names & _KEY_NAMES:
        raise InvalidInput("a key or a token has no place in the address, which logs keep: send it as `Authorization: Bearer …`")


def _counted(send: Send, turn: Turn, at_once: int) -> Send:
    """Send answers that say how many more there are."""

    async def counted(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["RateLimit-Limit"] = str(at_once)
            headers["RateLimit-Remaining"] = str(turn.remaining)
            headers["RateLimit-Reset"] = str(round(turn.full_after_s + 0.5))
        await send(message)

    return counted
