"""The door through which tools ask: an operation of the HTTP API, asked in this process or of a server."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from starlette.types import ASGIApp, Message, Scope

from engine.waiting import any_set

ROOT: Final = "/api/v1"

_JSON: Final = b"application/json"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One operation of the API, as it is asked."""

    method: str
    path: str
    """Below the root of the API."""
    query: Mapping[str, Any] = field(default_factory=dict)
    """What is None is left out."""
    body: Mapping[str, Any] | None = None
    key: str | None = None
    """The idempotency key."""


class Refused(Exception):
    """The API answered with a problem."""

    def __init__(self, detail: str, *, code: str, request_id: str = "") -> None:
        """Take over what the problem says: in words, for programs, and for who looks into the log."""
        super().__init__(detail)
        self.code = code
        self.request_id = request_id


class Door(Protocol):
    """Asks for operations of the API, in whose name ever the calls are made."""

    async def ask(self, call: Call) -> Any:
        """What the API answers, as JSON.

        Raises:
            Refused: if it answers with a problem.
            GenieError: if a server that is asked refuses, or does not answer.
        """
        ...

    async def pause(self, seconds: float) -> bool:
        """Wait before the same is asked again; False if there is no use, since the door closes."""
        ...


class AppDoor:
    """Asks the application in this process, for whoever the task acts for: what stands around it has found that out."""

    def __init__(self, app: ASGIApp, stopping: asyncio.Event) -> None:
        """Bind to the application, without what is around it, and to what is set when it is to end."""
        self._app = app
        self._stopping = stopping

    async def ask(self, call: Call) -> Any:
        """What the application answers.

        Raises:
            Refused: if that is a problem.
        """
        body = b"" if call.body is None else json.dumps(_given(call.body)).encode()
        answer = _Answer(body)
        try:
            await self._app(_scope(call, has_body=call.body is not None), answer.receive, answer.send)
        except Exception:  # the application has told the log and answered; what it raises behind that is for servers
            if not answer.status:
                raise
        return answer.read()

    async def pause(self, seconds: float) -> bool:
        """Wait, unless the application is to end."""
        return not await any_set(self._stopping, within=seconds)


class _Answer:
    """One request's body on its way in, and its answer on the way out."""

    def __init__(self, body: bytes) -> None:
        self._request: bytes | None = body
        self._parts: list[bytes] = []
        self.status = 0

    async def receive(self) -> Message:
        if self._request is None:
            # Nobody hangs up: who asked waits for the answer.
            await asyncio.Event().wait()
        body, self._request = self._request, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))

    def read(self) -> Any:
        said = json.loads(b"".join(self._parts) or b"null")
        if self.status >= HTTPStatus.BAD_REQUEST:
            raise Refused(said["detail"], code=said["code"], request_id=said["request_id"])
        return said


def _scope(call: Call, *, has_body: bool) -> Scope:
    headers = [(b"host", b"localhost"), (b"accept", _JSON)]
    headers += [(b"content-type", _JSON)] if has_body else []
    with contextlib.suppress(UnicodeEncodeError):  # a key that no header can have is refused by the tool
        headers += [(b"idempotency-key", call.key.encode("latin-1"))] if call.key is not None else []
    path = f"{ROOT}{call.path}"
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": urlencode(_given(call.query), doseq=True).encode(),
        "headers": headers,
        "client": None,
        "server": ("localhost", 80),
        "state": {},
    }


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
