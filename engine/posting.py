"""One signed POST to an address that was checked."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx2

from db.webhooks import Target
from engine.checked_sending import CheckedSender, Resolve, resolve
from epics.errors import GenieError
from safety.addresses import checked_url
from safety.signatures import sign

TIMEOUT_S: Final = 10.0

_MOST_ANSWER: Final = 4_096
_MOST_PROBLEM: Final = 300


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of one POST."""

    status: int | None
    """None if there was no answer."""
    problem: str
    """Empty if it was delivered."""
    body: str
    seconds: float
    retry_after_s: float | None

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver took it."""
        return not self.problem


class Poster:
    """Sends messages, each to an address that was checked a moment before; little is read of the answer."""

    def __init__(
        self, *, allow_private: bool, timeout_s: float = TIMEOUT_S, resolve: Resolve = resolve, trust: ssl.SSLContext | None = None
    ) -> None:
        """Set what holds for every message; `trust` says whose certificates count."""
        self._allow_private = allow_private
        self._timeout_s = timeout_s
        self._sender = CheckedSender(seconds=timeout_s, resolve=resolve, trust=trust)

    async def post(self, target: Target, message_id: str, body: Mapping[str, Any]) -> Answer:
        """Sign a message and send it once; whatever goes wrong is in the answer."""
        began = time.monotonic()
        status: int | None = None
        text, retry_after_s = "", None
        try:
            async with asyncio.timeout(self._timeout_s):
                status, text, retry_after_s = await self._post(target, message_id, json.dumps(body).encode())
            problem = "" if 200 <= status < 300 else _said(status)  # noqa: PLR2004  # the range of success in HTTP
        except TimeoutError:
            problem = f"no whole answer within {self._timeout_s:g} s"
        except (GenieError, httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            problem = f"{type(error).__name__}: {error}" if not isinstance(error, GenieError) else str(error)
        return Answer(
            status=status, problem=problem[:_MOST_PROBLEM], body=text, seconds=time.monotonic() - began, retry_after_s=retry_after_s
        )

    async def _post(self, target: Target, message_id: str, body: bytes) -> tuple[int, str, float | None]:
        allow_private = self._allow_private or target.allow_private
        url = httpx2.URL(checked_url(target.url, allow_private=allow_private))
        timestamp = int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(target.secret, message_id, timestamp, body),
        }
        async with self._sender.sent("POST", url, headers=headers, content=body, allow_private=allow_private) as response:
            return response.status_code, await _beginning_of(response), _seconds(response.headers.get("retry-after", ""))


async def _beginning_of(response: httpx2.Response) -> str:
    read = b""
    async for part in response.aiter_raw():
        read += part
        if len(read) >= _MOST_ANSWER:
            break
    return read[:_MOST_ANSWER].decode("utf-8", "replace")


def _said(status: int) -> str:
    return f"answered {status}, and redirects are not followed" if 300 <= status < 400 else f"answered {status}"  # noqa: PLR2004


def _seconds(given: str) -> float | None:
    return float(given) if given.isascii() and given.isdecimal() and len(given) < len("1000000") else None
