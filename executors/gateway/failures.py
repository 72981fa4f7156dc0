"""What a failed call of the Messages API means: whether it may have been charged, whether trying again can help, words for a person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Self

import httpx2

from executors.trouble import Trouble

_UNSENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError, httpx2.UnsupportedProtocol)
_SOMEBODY_ELSE_SPEAKS: Final = frozenset({502, 504})
"""A gateway lost the provider: what the provider did with the request is not known."""

_REFUSED_KEY: Final = frozenset({401, 403})
_NO_CREDIT: Final = 402
_NOT_THERE: Final = 404
_LIMITED: Final = 429
_REJECTED: Final = range(400, 500)
_MAY_PASS: Final = frozenset({408, 409, 425, _LIMITED})

_TOO_LONG: Final = "prompt is too long"
_CREDIT: Final = "credit balance"


class CallFailed(Exception):
    """A call that gave no whole answer."""

    def __init__(self, trouble: Trouble, *, status: int = 0, body: bytes = b"") -> None:
        """Keep what it means, and what the provider said where it said anything."""
        super().__init__(trouble.said)
        self.trouble = trouble
        self.status = status
        self.body = body

    @classmethod
    def nonsense(cls, model: str, error: ValueError) -> Self:
        """Judge an answer that is none of the Messages API."""
        return cls(Trouble(said=f"{model} answered nonsense: {_line(str(error))}", retry=True, charged=True))

    @property
    def words(self) -> str:
        """What the provider said."""
        return _words(self.body)

    @property
    def for_the_agent(self) -> bool:
        """Whether the agent itself may find a way on, once it is told what the provider said: by making its conversation shorter."""
        return self.status in _REJECTED and _TOO_LONG in self.body.decode(errors="replace").lower()


def judge_status(status: int, body: bytes, headers: Mapping[str, str], model: str, setting: str) -> Trouble:
    """Say what an answer that is an error means."""
    said, seen = _words(body), f"HTTP {status}"
    charged = status in _SOMEBODY_ELSE_SPEAKS
    if status == _LIMITED:
        return Trouble(said=f"{model} is over its rate limit ({seen})", retry=True, charged=charged, wait_s=_wait_in(headers))
    if status not in _REJECTED or status in _MAY_PASS:
        return Trouble(said=f"{model} failed ({seen}): {said}", retry=True, charged=charged, wait_s=_wait_in(headers))
    if status in _REFUSED_KEY:
        told = f"the provider of {model} refused the key ({seen}): check {setting}"
    elif status == _NO_CREDIT or _CREDIT in said.lower():
        told = f"the account behind {setting} has no credit left for {model} ({seen})"
    elif status == _NOT_THERE:
        told = f"the provider has no model {model} ({seen}): check its name"
    elif _TOO_LONG in said.lower():
        told = f"the conversation is too long for {model}: split the task, or choose a model with a larger context"
    else:
        told = f"{model} rejected the request ({seen}): {said}"
    return Trouble(said=told, retry=False, charged=charged)


def judge_event(data: Mapping[str, Any], model: str, *, charged: bool) -> Trouble:
    """Say what an error in the middle of a stream means."""
    return Trouble(said=f"{model} broke off: {_words(json.dumps(data).encode())}", retry=True, charged=charged)


def judge_error(error: httpx2.HTTPError, model: str) -> Trouble:
    """Say what an error of the connection means."""
    unsent = isinstance(error, _UNSENT)
    if isinstance(error, httpx2.TimeoutException) and not unsent:
        said = f"{model} did not answer in time"
    elif unsent:
        said = f"{model} could not be reached: {_line(str(error) or type(error).__name__)}"
    else:
        said = f"the connection to {model} was lost before its answer was complete"
    return Trouble(said=said, retry=True, charged=not unsent)


def _wait_in(headers: Mapping[str, str]) -> float | None:
    given = headers.get("retry-after", "")
    try:
        return max(float(given), 0.0)
    except ValueError:
        pass  # it may be a date
    try:
        return max((parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None


def _words(body: bytes) -> str:
    try:
        data = json.loads(body)
        inner = data["error"]
        return _line(str(inner["message"]))
    except (ValueError, KeyError, TypeError):
        return _line(body.decode(errors="replace"))


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
