"""The public keys of an identity provider: fetched when they are needed, kept while it is down."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from safety.addresses import is_loopback

FRESH_S: Final = 600.0
"""After this the keys are fetched again: one that the provider took back must not hold on here."""

AGAIN_S: Final = 30.0
"""So long nothing is fetched after a fetch, however many tokens name keys that nobody knows."""

KEPT_S: Final = 86_400.0
"""So long the keys hold while the provider is down."""

_TIMEOUT_S: Final = 5.0
_MOST_BYTES: Final = 1_000_000
_MOST_KEYS: Final = 100
_LEAST_RSA_BITS: Final = 2_048
_OK: Final = 200

PublicKey = RSAKey | ECKey
Fetch = Callable[[str], Awaitable[bytes]]


class ProviderKeys:
    """The keys of one provider by their ids."""

    def __init__(self, url: str, *, fetch: Fetch | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Bind to where the keys are; nothing is fetched yet."""
        self._url = url
        self._fetch = fetch or fetched
        self._clock = clock
        self._keys: Mapping[str, tuple[str, PublicKey]] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._fetching = asyncio.Lock()

    async def named(self, kid: object) -> tuple[str, PublicKey] | None:
        """The key that a token names, with the one algorithm that it is for; None if the provider has no such key.

        A token without a name is taken to mean the only key, if there is one only.
        """
        found = self._known(kid)
        # Whoever has a key that is only old goes on with it while another request fetches.
        if (found is None or self._age() >= FRESH_S) and (found is None or not self._fetching.locked()):
            async with self._fetching:
                if self._tried_at is None or self._clock() - self._tried_at >= AGAIN_S:
                    await self._fetch_all()
            found = self._known(kid)
        return found if self._age() < KEPT_S else None

    def _known(self, kid: object) -> tuple[str, PublicKey] | None:
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid) if isinstance(kid, str) else None

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self._clock() - self._fetched_at

    async def _fetch_all(self) -> None:
        self._tried_at = self._clock()
        try:
            found = keys_in(await self._fetch(self._url))
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError, ValueError) as error:
            structlog.get_logger().warning(
                "the identity provider's keys could not be fetched; those that are known hold on for a day",
                url=self._url,
                trouble=f"{type(error).__name__}: {error}"[:300],
            )
            return
        self._keys, self._fetched_at = found, self._clock()


async def fetched(url: str) -> bytes:
    """What a provider answers at the address of its keys; no redirect is followed.

    Raises:
        HTTPError: if it cannot be reached.
        ValueError: if it answers with anything but a small document.
    """
    content = bytearray()
    async with (
        asyncio.timeout(_TIMEOUT_S),
        httpx2.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=not is_loopback(urlsplit(url).hostname)) as client,
        client.stream("GET", url, headers={"Accept": "application/json"}) as answer,
    ):
        if answer.status_code != _OK:
            message = f"it answered {answer.status_code}"
            raise ValueError(message)
        async for part in answer.aiter_bytes():
            content += part
            if len(content) > _MOST_BYTES:
                message = f"it answered with more than {_MOST_BYTES} bytes"
                raise ValueError(message)
    return bytes(content)


def keys_in(document: bytes) -> Mapping[str, tuple[str, PublicKey]]:
    """The keys of a JWKS that can check signatures: RSA for RS256, P-256 for ES256. A shared secret is never one of them.

    Raises:
        ValueError: if the document is no JWKS.
    """
    said = json.loads(document)
    listed = said.get("keys") if isinstance(said, Mapping) else None
    if not isinstance(listed, list):
        message = "it answered with no JWKS"
        raise ValueError(message)  # noqa: TRY004  # a foreign document, not an argument
    found: dict[str, tuple[str, PublicKey]] = {}
    for number, each in enumerate(listed[:_MOST_KEYS]):
        if isinstance(each, Mapping) and (key := _usable(each)) is not None:
            name = each.get("kid")
            found[name if isinstance(name, str) else f"without a name, {number}"] = key
    return found


def _usable(said: Mapping[str, Any]) -> tuple[str, PublicKey] | None:
    if said.get("use", "sig") != "sig":
        return None
    public: dict[str, str | list[str]] = {
        name: value for name, value in said.items() if name in {"kty", "n", "e", "crv", "x", "y"} and isinstance(value, str)
    }
    try:
        if said.get("kty") == "RSA" and said.get("alg", "RS256") == "RS256" and _bits(public.get("n")) >= _LEAST_RSA_BITS:
            return "RS256", RSAKey.import_key(public)
        if said.get("kty") == "EC" and said.get("crv") == "P-256" and said.get("alg", "ES256") == "ES256":
            return "ES256", ECKey.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None


def _bits(number: object) -> int:
    """The bits of a number in base64, to some few."""
    return len(number) * 6 if isinstance(number, str) else 0
