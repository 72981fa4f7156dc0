"""Calls of a Genie server's HTTP API: sent again where that is safe, problems turned back into errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel, ValidationError

from cli.server_key import ServerKey
from epics.access_errors import Forbidden, Unauthenticated
from epics.errors import Conflict, GenieError, InvalidInput, NotFound, ServerUnavailable
from safety.addresses import is_loopback

API: Final = "/api/v1"
_WAITS_S: Final = (0.2, 0.6, 1.5)
_UNAVAILABLE: Final = 503
_TOO_MANY: Final = 429
_PATIENCE_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 30.0
_PROBLEM: Final = 400
_TIMEOUT: Final = httpx2.Timeout(60.0, connect=10.0)

ModelT = TypeVar("ModelT", bound=BaseModel)


class ApiClient:
    """One server, called by the paths below its API."""

    def __init__(self, client: httpx2.AsyncClient, server: str, shown: str) -> None:
        """Bind to an open client; `open_api` makes both. `shown` is where its key comes from."""
        self._client = client
        self._server = server
        self._shown = shown
        self.patience_s = _PATIENCE_S

    async def get(self, kind: type[ModelT], path: str, **query: Any) -> ModelT:
        """What the server has at a path.

        Raises:
            GenieError: as the server's problem says, of the class that the engine would raise.
            ServerUnavailable: if it cannot be reached, or answers what no Genie server answers.
        """
        asked = {name: value for name, value in query.items() if value is not None}
        return self._read(kind, await self._send("GET", path, again=True, params=asked))

    async def post(self, kind: type[ModelT], path: str, body: Mapping[str, Any], *, key: str | None = None) -> ModelT:
        """What the server answers to a deed; with an idempotency key it is sent again if the answer does not come.

        Raises:
            GenieError: as for `get`.
        """
        headers = {"Idempotency-Key": key} if key else {}
        sent = {name: value for name, value in body.items() if value is not None}
        return self._read(kind, await self._send("POST", path, again=key is not None, json=sent, headers=headers))

    async def put(self, kind: type[ModelT], path: str, body: Mapping[str, Any]) -> ModelT:
        """What the server answers when something is made as it is sent; doing so again changes nothing.

        Raises:
            GenieError: as for `get`.
        """
        return self._read(kind, await self._send("PUT", path, again=True, json=body))

    async def delete(self, kind: type[ModelT], path: str) -> ModelT:
        """What the server answers when something is taken away; doing so again changes nothing.

        Raises:
            GenieError: as for `get`.
        """
        return self._read(kind, await self._send("DELETE", path, again=True))

    async def _send(self, method: str, path: str, *, again: bool, **rest: Any) -> httpx2.Response:
        waits, patience_s = iter(_WAITS_S), self.patience_s
        while True:
            try:
                answer = await self._client.request(method, f"{API}{path}", **rest)
            except httpx2.TransportError as error:
                # What never reached the server may always be sent again; what it may have taken in, only where that changes nothing.
                if (again or isinstance(error, httpx2.ConnectError)) and (wait := next(waits, None)) is not None:
                    await asyncio.sleep(wait)
                    continue
                raise ServerUnavailable(f"the server {self._server} does not answer: {error or type(error).__name__}") from error
            if answer.status_code == _UNAVAILABLE and again and (wait := next(waits, None)) is not None:
                await asyncio.sleep(wait)
                continue
            if answer.status_code == _TOO_MANY and patience_s > 0:
                # Nothing was done, so anything may be sent again; a command that follows an epic asks often.
                patience_s -= (pause := _pause(answer))
                await asyncio.sleep(pause)
                continue
            if answer.status_code >= _PROBLEM:
                raise self._problem(answer)
            return answer

    def _read(self, kind: type[ModelT], answer: httpx2.Response) -> ModelT:
        try:
            # A newer server may say more than this client knows.
            return kind.model_validate_json(answer.content, extra="ignore")
        except ValidationError as error:
            raise self._strange(answer) from error

    def _problem(self, answer: httpx2.Response) -> GenieError:
        try:
            said = answer.json()
        except ValueError:
            return self._strange(answer)
        if not isinstance(said, dict) or "code" not in said:
            return self._strange(answer)
        detail = str(said.get("detail") or said.get("title") or said["code"])
        kind = next((each for each in _kinds(GenieError) if each.code == said["code"]), _kind_of(answer.status_code))
        if kind is Unauthenticated:
            return Unauthenticated(
                f"{self._server} was shown {self._shown}, and lets nobody in with that: set GENIE_KEY to a key that holds there; "
                "an admin of the server makes one with `genie key create`"
            )
        # Not by its constructor: the sentence is made already, and the facts of the error come beside it.
        error = kind.__new__(kind, detail)
        error.__dict__.update({name: value for name, value in said.items() if name in {"decision", "decided_by", "decided_at"}})
        return error

    def _strange(self, answer: httpx2.Response) -> ServerUnavailable:
        return ServerUnavailable(
            f"{self._server} answered {answer.status_code} with what this Genie cannot read: is it a Genie server, and of this version?"
        )


@asynccontextmanager
async def open_api(server: str, shown: ServerKey) -> AsyncGenerator[ApiClient]:
    """A client of the server at a URL, which shows it a key.

    Raises:
        InvalidInput: if that is no URL of a server.
    """
    url = checked_server(server)
    headers = {"Accept": "application/json"}
    if shown.key is not None:
        headers["Authorization"] = f"Bearer {shown.key.get_secret_value()}"
    # What goes to this machine goes to no proxy: the key in GENIE_HOME opens everything.
    client = httpx2.AsyncClient(base_url=url, timeout=_TIMEOUT, headers=headers, trust_env=not is_loopback(urlsplit(url).hostname))
    async with client:
        yield ApiClient(client, url, shown.origin)


def checked_server(server: str) -> str:
    """The URL of a server, without a slash at its end.

    Raises:
        InvalidInput: if it is not one.
    """
    split = urlsplit(server)
    if split.scheme not in {"http", "https"} or not split.hostname:
        raise InvalidInput(f"--server takes the URL of a Genie server, such as http://127.0.0.1:8321; it was {server.rpartition('@')[2]!r}")
    if split.username or split.password or split.query or split.fragment:
        raise InvalidInput("--server takes a URL without user, password, query and fragment")
    return server.rstrip("/")


def _pause(answer: httpx2.Response) -> float:
    """How long the server asks to wait; a second where it says nothing that can be meant."""
    said = answer.headers.get("Retry-After", "")
    return min(max(float(said), 0.2), _LONGEST_PAUSE_S) if said.isascii() and said.isdigit() else 1.0


def _kinds(base: type[GenieError]) -> Iterator[type[GenieError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)


def _kind_of(status: int) -> type[GenieError]:
    kinds = {401: Unauthenticated, 403: Forbidden, 404: NotFound, 409: Conflict, _UNAVAILABLE: ServerUnavailable}
    return kinds.get(status, InvalidInput if status < 500 else GenieError)  # noqa: PLR2004
