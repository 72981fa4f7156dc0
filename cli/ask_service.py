"""What the commands ask of requests, whoever answers: the engine in this process, or a server by its API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from engine.routing.advancing import OnPart
from engine.routing.orders import Ask
from engine.routing.views import AskView
from engine.views import Page


class AskService(Protocol):
    """The calls that `engine.routing.asks_for_faces.Asks` and `RemoteAsks` both have; the first says what each does and raises."""

    async def ask(self, asked: Ask) -> tuple[AskView, bool]:
        """Take a request."""
        ...

    async def choose(self, ask: str, chosen: Mapping[int, str]) -> AskView:
        """Say who does parts."""
        ...

    async def advance(self, ask: str, *, on_part: OnPart | None = None) -> AskView:
        """Run it until it ends or waits for a person; by a server: follow it until then."""
        ...

    async def cancel(self, ask: str, *, by: str, reason: str = "") -> AskView:
        """End a request."""
        ...

    async def show(self, ask: str) -> AskView:
        """One request."""
        ...

    async def page(
        self, *, status: str | None = None, repo: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[AskView]:
        """Requests, newest first."""
        ...
