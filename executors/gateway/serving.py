"""Giving a gateway its address: an HTTP server on loopback or on a unix socket, for as long as the attempt runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from executors.gateway.session import GatewaySession


@asynccontextmanager
async def serve(session: GatewaySession, *, socket: Path | None = None) -> AsyncGenerator[str]:
    """Serve a session, and give the address: `http://127.0.0.1:PORT`, or the path of the socket.

    The socket's folder is the guard of the socket: its own mode lets everybody connect, since a container's user is another one. A socket
    that a dead worker left at the path is replaced; at the end it is removed, and calls that are under way are ended.

    Args:
        session: what answers.
        socket: where to listen, in place of a free port of the loopback interface.

    Raises:
        Environment: if nobody can listen there.
    """
    raise NotImplementedError
    yield
