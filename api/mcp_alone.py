"""What a server offers of the Model Context Protocol, and the layer of one that offers nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import problem

PATH: Final = "/mcp"

_ALSO: Final = frozenset({"/health", "/ready"})


@dataclass(frozen=True, kw_only=True)
class McpOffer:
    """Which tools a server offers at most, to whoever asks."""

    tools: str | None = None
    """Their names, with commas between them; None for all."""
    read_only: bool = False
    alone: bool = False
    """Whether nothing else is served."""


EVERYTHING: Final = McpOffer()


class McpAlone:
    """Lets through what asks for the protocol, or for the server's health."""

    def __init__(self, app: ASGIApp) -> None:
        """Put the layer around the app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and scope["path"] not in _ALSO | {PATH}:
            await problem(404, "route_not_found", f"this server has nothing but {PATH}")(scope, receive, send)
            return
        await self._app(scope, receive, send)
