"""Giving a gateway its address: an HTTP server on loopback or on a unix socket, for as long as the attempt runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket as sockets
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from epics.errors import Environment
from executors.finishing import finished
from executors.gateway.http import GatewayApp
from executors.gateway.own_tools import OwnTools
from executors.gateway.session import GatewaySession

_BACKLOG: Final = 64
_GRACE_S: Final = 1
_CONNECTIONS: Final = 32
"""Of one attempt at once: a CLI needs a few, and an agent that opens them without end must not leave the worker without files."""


@asynccontextmanager
async def serve(session: GatewaySession, *, socket: Path | None = None, tools: OwnTools | None = None) -> AsyncGenerator[str]:
    """Serve a session, and give the address: `http://127.0.0.1:PORT`, or the path of the socket.

    The socket's folder is the guard of the socket: its own mode lets everybody connect, since a container's user is another one. A socket
    that a dead worker left at the path is replaced; at the end it is removed, unless a worker that took over has replaced it. Calls that
    are under way are ended.

    Args:
        session: what answers.
        tools: those of Genie's own that the CLI may call; none, if not given.
        socket: where to listen, in place of a free port of the loopback interface.

    Raises:
        Environment: if nobody can listen there.
    """
    try:
        listening = _on_loopback() if socket is None else _on_socket(socket)
    except OSError as exc:
        raise Environment(f"cannot listen at {socket or 'a port of 127.0.0.1'}: {exc.strerror or exc}") from exc
    app = GatewayApp(session, tools)
    server = _Server(
        uvicorn.Config(
            app,
            http=_FewConnections,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    own = None if socket is None else socket.lstat()
    running = asyncio.create_task(server.serve(sockets=[listening]), name="gateway")

    async def end() -> None:
        server.should_exit = True
        await app.end()
        await running
        listening.close()
        if socket is not None and own is not None:
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(own, socket.lstat()):
                    socket.unlink()

    try:
        # It listens already, so nobody who calls before the server runs is turned away.
        yield f"http://127.0.0.1:{listening.getsockname()[1]}" if socket is None else str(socket)
    finally:
        await finished(end())


class _FewConnections(H11Protocol):
    """HTTP for so many connections and no more."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or close it at once."""
        super().connection_made(transport)
        if len(self.connections) > _CONNECTIONS:
            transport.close()


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers: the worker has its own."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals alone."""
        yield


def _on_loopback() -> sockets.socket:
    # With its protocol named: only then does asyncio send without Nagle's delay.
    made = sockets.socket(sockets.AF_INET, sockets.SOCK_STREAM, sockets.IPPROTO_TCP)
    return _listening(made, ("127.0.0.1", 0))


def _on_socket(path: Path) -> sockets.socket:
    path.unlink(missing_ok=True)
    made = _listening(sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM), str(path))
    path.chmod(0o666)
    return made


def _listening(made: sockets.socket, address: str | tuple[str, int]) -> sockets.socket:
    try:
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made
