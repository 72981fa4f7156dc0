"""The server process: its socket, and the application served on it until it is told to stop."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import uvicorn

from api.app import create_app
from api.serving import Serving
from epics.errors import Environment, InvalidInput

GRACE_S: Final = 10
"""Seconds in which requests that are under way when the server stops may end."""

LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_BACKLOG: Final = 1_024


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers: who runs the server decides when it stops, and with which exit code."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals alone."""
        yield


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens, on this machine's own addresses only.

    Raises:
        InvalidInput: if others could reach the address: there are no keys yet that would tell who asks.
        Environment: if the port cannot be had.
    """
    address = "127.0.0.1" if host == "localhost" else host
    try:
        parsed = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        parsed = None
    if parsed is None or not parsed.is_loopback:
        message = (
            f"cannot serve at {host!r}: this release has no keys that tell who asks, so it serves this machine alone: "
            "give 127.0.0.1 or ::1, and reach it from elsewhere by ssh -L"
        )
        raise InvalidInput(message)
    try:
        return _listening(str(parsed), port, socket.AF_INET6 if parsed.version == 6 else socket.AF_INET)  # noqa: PLR2004  # of IP
    except OSError as error:
        message = f"cannot listen at {parsed} port {port}: {error.strerror or error}; give another --port, or 0 for a free one"
        raise Environment(message) from error


def _listening(address: str, port: int, family: socket.AddressFamily) -> socket.socket:
    # With its protocol named, unlike `socket.create_server`: only then does asyncio send without Nagle's delay, of 40 ms an answer.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def url_of(listening: socket.socket) -> str:
    """The URL under which a socket can be called."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def names_of(listening: socket.socket) -> frozenset[str]:
    """The names of the host under which a socket can be called."""
    return LOCAL_NAMES | {str(listening.getsockname()[0])}


async def serve_on(listening: socket.socket, serving: Serving) -> None:
    """Serve until `serving.stopping` is set and the requests that were under way have ended, or their grace has."""
    config = uvicorn.Config(
        create_app(serving),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listening]), name="http")
    stopping = asyncio.create_task(serving.stopping.wait(), name="stop-http")
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    serving.stopping.set()
    server.should_exit = True
    await running
    stopping.cancel()
