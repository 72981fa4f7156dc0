"""Connections to a real socket: one that sends half a request is closed, one too many is not taken, and work in hand is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, ClassVar

import uvicorn

from api.connections import PatientProtocol
from api.reach import Reach
from api.server import bound_socket

HALF = b"GET / HTTP/1.1\r\nHost: here\r\n"
WHOLE = HALF + b"\r\n"


class Hasty(PatientProtocol):
    """As served, in a hundredth of the time."""

    headers_s: ClassVar[float] = 0.15
    most: ClassVar[int | None] = 3


async def answering(_scope: Any, _receive: Any, send: Any) -> None:
    """Take longer than headers may take."""
    await asyncio.sleep(2 * Hasty.headers_s)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


class Callers:
    """Connections to a server, closed with it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []

    async def call(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """One more connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers.append(writer)
        return reader, writer

    async def close(self) -> None:
        for writer in self._writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def served() -> AsyncGenerator[Callers]:
    with bound_socket(Reach(host="127.0.0.1", port=0)) as listening:
        server = uvicorn.Server(uvicorn.Config(answering, http=Hasty, lifespan="off", log_config=None, timeout_keep_alive=30))
        task = asyncio.create_task(server._serve([listening]))  # without its signal handlers
        callers = Callers(listening.getsockname()[1])
        try:
            async with asyncio.timeout(10):
                yield callers
        finally:
            await callers.close()
            server.should_exit = True
            await task


async def test_half_a_request_is_closed_however_its_rest_trickles_in():
    async with served() as callers:
        silent, _ = await callers.call()
        reader, writer = await callers.call()
        writer.write(HALF)
        for _ in range(4):
            await asyncio.sleep(Hasty.headers_s / 3)
            writer.write(b"X-More: 1\r\n")

        assert await end_of(reader) == b""
        assert await end_of(silent) == b""


async def test_a_request_that_came_whole_is_answered_and_the_next_one_is_waited_for_as_long():
    async with served() as callers:
        reader, writer = await callers.call()
        for _ in range(2):
            writer.write(WHOLE)
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(2 * Hasty.headers_s)

        writer.write(HALF)
        assert await end_of(reader) == b""


async def test_one_connection_too_many_is_not_taken():
    async with served() as callers:
        kept = [await callers.call() for _ in range(3)]
        for _, writer in kept:
            writer.write(WHOLE)
        await asyncio.sleep(Hasty.headers_s / 2)

        refused, _ = await callers.call()

        assert await end_of(refused) == b""
        assert [(await reader.readuntil(b"ok"))[:12] for reader, _ in kept] == [b"HTTP/1.1 200"] * 3


async def end_of(reader: asyncio.StreamReader) -> bytes:
    """What still comes until the other side hangs up, gently or not."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
