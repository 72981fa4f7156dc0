"""Requests by a server's API: the same calls, the same views, the same errors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final
from urllib.parse import quote
from uuid import uuid4

from cli.api_client import ApiClient
from engine.routing.advancing import OnPart
from engine.routing.orders import Ask
from engine.routing.views import AskView, stands_still
from engine.views import EventView, Page

_POLL_S: Final = 0.3


class RemoteAsks:
    """What the engine's requests do here, asked of a server; its workers carry them on."""

    def __init__(self, api: ApiClient) -> None:
        """Bind to an open client."""
        self._api = api

    async def ask(self, asked: Ask) -> tuple[AskView, bool]:
        """Ask the server; asked again without an answer, it is the same request."""
        body = {**asdict(asked), "budget_usd": None if asked.budget_usd is None else format(asked.budget_usd, "f")}
        return await self._api.post(AskView, "/ask", body, key=f"cli-{uuid4()}"), False

    async def choose(self, ask: str, chosen: Mapping[int, str]) -> AskView:
        """Say who does parts, one after the other."""
        view: AskView | None = None
        for n, agent in chosen.items():
            view = await self._api.post(AskView, f"/asks/{_part(ask)}/choice", {"agent": agent, "part": n or None})
        return view or await self.show(ask)

    async def advance(self, ask: str, *, on_part: OnPart | None = None) -> AskView:
        """Follow a request, which the server's workers carry on, until it has ended or waits for a person."""
        seen: dict[str, int] = {}
        while True:
            # Read before the events: whatever led to it is among them.
            view = await self.show(ask)
            for part in view.parts:
                if part.work is not None and on_part is not None:
                    for event in await self._new_events(part.work, seen):
                        on_part(part.n, part.work, event)
            if stands_still(view):
                return view
            await asyncio.sleep(_POLL_S)

    async def cancel(self, ask: str, *, by: str, reason: str = "") -> AskView:
        """End a request; the server knows who asks, so `by` is not sent."""
        del by
        return await self._api.post(AskView, f"/asks/{_part(ask)}/cancel", {"reason": reason})

    async def show(self, ask: str) -> AskView:
        """One request, by its id or the beginning of it."""
        return await self._api.get(AskView, f"/asks/{_part(ask)}")

    async def page(
        self, *, status: str | None = None, repo: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[AskView]:
        """Requests, newest first."""
        return await self._api.get(Page[AskView], "/asks", status=status, repo=repo, limit=limit, cursor=cursor)

    async def _new_events(self, work: str, seen: dict[str, int]) -> list[EventView]:
        if work.startswith("e-"):
            return []  # an epic is followed by `genie epic watch`
        found: list[EventView] = []
        while events := (await self._api.get(Page[EventView], f"/runs/{_part(work)}/events", after=seen.get(work, 0), limit=500)).items:
            found.extend(events)
            seen[work] = events[-1].id
        return found


def _part(given: str) -> str:
    """What a person typed, as one part of a path."""
    return quote(given, safe="")
