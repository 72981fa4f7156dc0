"""The server process: its socket, and the application served on it until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import uvicorn

from api.app import create_app
from api.connections import PatientProtocol
from api.reach import Reach, checked
from api.serving import Serving
from epics.errors import Environment

GRACE_S: Final = 10
"""Seconds in which requests that are under way when the server stops may end."""

_BACKLOG: Final = 1_024


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers: who runs the server decides when it stops, and with which exit code."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals alone."""
        yield


def bound_socket(reach: Reach) -> socket.socket:
    """A socket that listens, where that leaves nothing open by mistake.

    Raises:
        InvalidInput: as `checked` says.
        Environment: if the port cannot be had.
    """
    address = checked(reach).address
    try:
        return _listening(str(address), reach.port, socket.AF_INET6 if address.version == 6 else socket.AF_INET)  # noqa: PLR2004  # of IP
    except OSError as error:
        message = f"cannot listen at {address} port {reach.port}: {error.strerror or error}; give another --port, or 0 for a free one"
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


def url_of(listening: socket.socket, reach: Reach) -> str:
    """The URL under which a socket can be called."""
    scheme = "http" if reach.tls is None else "https"
    host, port = listening.getsockname()[:2]
    if reach.address.is_unspecified:
        host = min(reach.names)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


async def serve_on(listening: socket.socket, serving: Serving, reach: Reach) -> None:
    """Serve until `serving.stopping` is set and the requests that were under way have ended, or their grace has."""
    config = uvicorn.Config(
        create_app(serving),
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # Else uvicorn takes this machine's own word for where a request comes from, and everyone's that a variable names.
        proxy_headers=reach.behind_proxy,
        forwarded_allow_ips=list(reach.proxies),
        ssl_certfile=None if reach.tls is None else str(reach.tls.cert),
        ssl_keyfile=None if reach.tls is None else str(reach.tls.key),
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
