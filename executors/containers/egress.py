"""The way out of a container: a proxy on our side that lets only named hosts be reached, and notes what it refused."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from epics.errors import AddressRefused, LeaseLost, StoreUnavailable
from executors.port import Notes
from safety.addresses import check_addresses
from safety.hosts import is_listed

Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
Answer: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_HEAD: Final = 65_536
_PIECE: Final = 65_536
_CONNECT_S: Final = 20.0
_HEAD_S: Final = 30.0
_HTTP: Final = 80
_NAMED: Final = 50
"""Refused hosts that are noted by name: an agent that tries names without end must not fill our memory and the record."""
_OTHERS: Final = ("(others)", 0)
_CONNECTIONS: Final = 64
"""Of one attempt at once, so that an agent cannot leave the worker without files."""


class Refusal(Exception):
    """A request that is not passed on, with the status that its sender is told."""

    def __init__(self, status: str, why: str) -> None:
        """Keep both."""
        super().__init__(why)
        self.status = status


class Egress:
    """Takes CONNECT and plain HTTP, as programs with HTTP_PROXY and HTTPS_PROXY send them."""

    def __init__(self, hosts: Iterable[str], notes: Notes, *, resolve: Resolve | None = None, allow_private: bool = False) -> None:
        """Bind to what may be reached.

        Args:
            hosts: the names.
            notes: where denials are noted.
            resolve: finds the addresses of a name; the system's way if None.
            allow_private: whether addresses that are not of the public internet may be connected to, for tests.
        """
        self._hosts = tuple(hosts)
        self._notes = notes
        self._resolve = resolve or _resolved
        self._allow_private = allow_private
        self.denied: Counter[tuple[str, int]] = Counter()

    @asynccontextmanager
    async def listen(self, path: Path) -> AsyncGenerator[None]:
        """Listen on a unix socket; at the end, what was refused more than once is noted with how often."""
        path.unlink(missing_ok=True)
        connections: set[asyncio.Task[None]] = set()

        def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if len(connections) >= _CONNECTIONS:
                writer.close()
                return
            task = asyncio.create_task(self._serve(reader, writer), name="egress")
            connections.add(task)
            task.add_done_callback(connections.discard)

        # Cancelled in the middle of starting, a server would stay open.
        server = await asyncio.start_unix_server(take, str(path), limit=_HEAD, start_serving=False)
        own = path.lstat()
        try:
            await server.start_serving()
            yield
        finally:
            server.close()
            for task in tuple(connections):
                task.cancel()
            if connections:
                await asyncio.wait(tuple(connections))
            with contextlib.suppress(FileNotFoundError):
                # A worker that took over has put its own there.
                if os.path.samestat(own, path.lstat()):
                    path.unlink()
            for (host, port), times in self.denied.items():
                if times > 1:
                    with contextlib.suppress(LeaseLost, StoreUnavailable):
                        await self._notes.noted("egress_denied", {"host": host, "port": port, "times": times})

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await _head_of(reader)
            method, host, port, first = parsed(head)
            inner, outer = await self._connected(host, port)
            try:
                if method == "CONNECT":
                    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                outer.write(first)
                await asyncio.gather(_copy(reader, outer), _copy(inner, writer))
            finally:
                outer.close()
        except Refusal as refusal:
            await _answer(writer, refusal)
        finally:
            writer.close()

    async def _connected(self, host: str, port: int) -> Answer:
        if not is_listed(host, self._hosts):
            await self._note(host, port)
            raise Refusal("403 Forbidden", f"genie: {host} is not among the hosts that this workflow may reach")
        try:
            async with asyncio.timeout(_CONNECT_S):
                addresses = check_addresses(host, await self._resolve(host, port), allow_private=self._allow_private)
                # Where it was looked up, there it goes: a second look could find another address.
                return await _any_of(addresses, port)
        except AddressRefused as error:
            await self._note(host, port)
            raise Refusal("403 Forbidden", f"genie: {host} has an address that is not of the public internet") from error
        except (OSError, TimeoutError) as error:
            raise Refusal("502 Bad Gateway", f"genie: {host}:{port} cannot be reached: {error}") from error

    async def _note(self, host: str, port: int) -> None:
        key = (host[:255], port)
        if key not in self.denied and len(self.denied) >= _NAMED:
            key = _OTHERS
        self.denied[key] += 1
        if self.denied[key] == 1:
            # A lost lease ends the attempt by itself; whoever is refused here is so either way.
            with contextlib.suppress(LeaseLost, StoreUnavailable):
                await self._notes.noted("egress_denied", {"host": key[0], "port": key[1], "times": 1})


def parsed(head: bytes) -> tuple[str, str, int, bytes]:
    """What a request asks for: its method, host and port, and what is to be sent there first.

    Raises:
        Refusal: if it is no request to a proxy.
    """
    line, _, rest = head.partition(b"\r\n")
    method, _, target = line.decode("latin-1").partition(" ")
    target = target.rpartition(" ")[0]
    try:
        split = urlsplit(f"//{target}" if method == "CONNECT" else target)
        port = split.port or (0 if method == "CONNECT" else _HTTP)
    except ValueError:
        split, port = urlsplit(""), 0
    if not split.hostname or not port or (method != "CONNECT" and split.scheme != "http"):
        raise Refusal("400 Bad Request", "genie: this is a proxy; it takes CONNECT host:port, and http:// addresses")
    if method == "CONNECT":
        return method, split.hostname, port, b""
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    fields = [field for field in rest.split(b"\r\n") if field and not field.lower().startswith((b"proxy-", b"connection:", b"host:"))]
    # One request for each connection: the next one may be for another host, and would not be looked at.
    own = [
        f"{method} {path} HTTP/1.1".encode("latin-1"),
        f"Host: {split.netloc.rpartition('@')[2]}".encode("latin-1"),
        b"Connection: close",
    ]
    return method, split.hostname, port, b"\r\n".join([*own, *fields]) + b"\r\n\r\n"


async def _head_of(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(_HEAD_S):
            return await reader.readuntil(b"\r\n\r\n")
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise Refusal("400 Bad Request", "genie: no whole request came") from error


async def _any_of(addresses: Iterable[str], port: int) -> Answer:
    last: OSError = OSError("it has no address")
    for address in addresses:
        try:
            return await asyncio.open_connection(address, port)
        except OSError as error:
            last = error
    raise last


async def _resolved(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()


async def _answer(writer: asyncio.StreamWriter, refusal: Refusal) -> None:
    body = f"{refusal}\n".encode()
    head = f"HTTP/1.1 {refusal.status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with contextlib.suppress(OSError):
        writer.write(head.encode("latin-1") + body)
        await writer.drain()
