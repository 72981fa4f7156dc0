"""One GET to an address that was checked, of which so much is read and no more."""

from __future__ import annotations

import asyncio
import codecs
import ssl
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import httpx2

from engine.checked_sending import CheckedSender, Resolve, resolve
from epics.errors import AddressRefused

MOST_BYTES: Final = 2_000_000
SECONDS: Final = 30.0

_NO_TEXTS: Final = frozenset({"idna", "punycode", "undefined"})
"""Codecs of Python's that no page is written in: they are slow for what is long, and nothing else runs meanwhile."""


class Refused(Exception):
    """A page that cannot be had; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Got:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    text: str
    is_cut: bool


class Getter:
    """Gets pages, each from an address that was checked a moment before."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolve: Resolve = resolve,
        trust: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
        most: int = MOST_BYTES,
    ) -> None:
        """Set what holds for every page; `trust` says whose certificates count."""
        self._allow_private = allow_private
        self._sender = CheckedSender(seconds=seconds, resolve=resolve, trust=trust)
        self._seconds = seconds
        self._most = most

    async def get(self, url: httpx2.URL, *, headers: Mapping[str, str], allow_private: bool = False) -> Got:
        """Get one page.

        Raises:
            Refused: if it cannot be had, in words.
        """
        try:
            async with asyncio.timeout(self._seconds):
                return await self._got(url, headers, allow_private=allow_private or self._allow_private)
        except TimeoutError as error:
            raise Refused(f"{url.host} gave no whole answer within {self._seconds:g} s") from error
        except AddressRefused as error:
            raise Refused(f"{url.host} has an address that is not of the public internet") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError, zlib.error) as error:
            raise Refused(f"{url.host} cannot be read: {type(error).__name__}: {str(error)[:200]}") from error

    async def _got(self, url: httpx2.URL, headers: Mapping[str, str], *, allow_private: bool) -> Got:
        sent = {"accept-encoding": "identity", **headers}
        async with self._sender.sent("GET", url, headers=sent, allow_private=allow_private) as response:
            return await self._read(response)

    async def _read(self, response: httpx2.Response) -> Got:
        body = bytearray()
        inflate = _inflater(response.headers.get("content-encoding", ""))
        async for part in response.aiter_raw():
            # Unpacked piece by piece, and no more than there is room for: few bytes may be meant to become very many.
            body += part if inflate is None else inflate.decompress(part, self._most + 1 - len(body))
            if len(body) > self._most:
                break
        text = _text(bytes(body[: self._most]), response.charset_encoding or "utf-8")
        return Got(status=response.status_code, headers=response.headers, text=text, is_cut=len(body) > self._most)


def _text(body: bytes, encoding: str) -> str:
    """A body as it is said to be written; as UTF-8 where no text is written so."""
    with suppress(LookupError, ValueError):
        if codecs.lookup(encoding).name not in _NO_TEXTS:
            return body.decode(encoding, "replace")
    return body.decode("utf-8", "replace")


def _inflater(encoding: str) -> zlib._Decompress | None:
    """What unpacks an answer that is packed although nobody asked for it."""
    if encoding.strip().lower() in {"", "identity"}:
        return None
    if encoding.strip().lower() in {"gzip", "x-gzip", "deflate"}:
        return zlib.decompressobj(zlib.MAX_WBITS | 32)
    message = f"it is packed as {encoding[:40]}"
    raise OSError(message)
