"""One HTTP request to an address that was checked a moment before."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import httpx2

from safety.addresses import check_addresses

_MOST_ADDRESSES: Final = 3
_AGENT: Final = "genie-orchestrator"

Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system finds them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


class CheckedSender:
    """Sends requests. Each has a connection of its own, to an address that was checked a moment before.

    It goes to the address and not to the name: a name that is asked for again may lead elsewhere (DNS rebinding). Redirects are not
    followed, no proxy is used, and no cookie is kept.
    """

    def __init__(self, *, seconds: float, resolve: Resolve = resolve, trust: ssl.SSLContext | None = None) -> None:
        """Set what holds for every request; `trust` says whose certificates count."""
        self._seconds = seconds
        self._resolve = resolve
        self._trust = trust

    @asynccontextmanager
    async def sent(
        self, method: str, url: httpx2.URL, *, headers: Mapping[str, str], allow_private: bool, content: bytes | None = None
    ) -> AsyncGenerator[httpx2.Response]:
        """Send one request, and yield the answer with its body not read yet.

        Raises:
            AddressRefused: if the host has an address that may not be reached.
            HTTPError: if no address of it takes a connection, or what it answers is no HTTP; of the client's library.
            OSError: if the name has no address.
        """
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = check_addresses(url.host, await self._resolve(url.host, port), allow_private=allow_private)
        if self._trust is None:
            self._trust = await asyncio.to_thread(httpx2.create_ssl_context)
        # No connection is kept: one to this address may have been made, and its certificate checked, for another name.
        async with httpx2.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            verify=self._trust,
            timeout=self._seconds,
            limits=httpx2.Limits(max_keepalive_connections=0),
        ) as client:
            sent = {"user-agent": _AGENT, **headers, "host": url.netloc.decode()}
            request = client.build_request(method, url, content=content, headers=sent, extensions={"sni_hostname": url.host})
            response = await _first_that_connects(client, request, addresses[:_MOST_ADDRESSES])
            try:
                yield response
            finally:
                await response.aclose()


async def _first_that_connects(client: httpx2.AsyncClient, request: httpx2.Request, addresses: tuple[str, ...]) -> httpx2.Response:
    failed: httpx2.ConnectError | None = None
    for address in addresses:
        request.url = request.url.copy_with(host=address)
        try:
            return await client.send(request, stream=True)
        except httpx2.ConnectError as error:
            failed = error
    raise failed or OSError("the name has no address")
