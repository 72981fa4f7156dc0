"""Runs by a server's API: the same calls, the same views, the same errors."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from pydantic import RootModel

from cli.api_client import ApiClient
from engine.following_events import OnEvent
from engine.runs.orders import StartRun
from engine.runs.views import RunView
from engine.views import EventView, Page
from engine.workflow_views import WorkflowView
from epics.runs import RUN_ENDED

_POLL_S: Final = 0.3
_MOST: Final = 500


class _Turns(RootModel[dict[str, Any]]):
    """A turn as the server tells it."""


class RemoteRuns:
    """What the engine's runs do here, asked of a server; its workers carry them on."""

    def __init__(self, api: ApiClient) -> None:
        """Bind to an open client."""
        self._api = api

    async def start(self, asked: StartRun) -> RunView:
        """Queue a run at the server; asked again without an answer, it is the same run."""
        body = {name: value for name, value in asdict(asked).items() if name not in {"workflow", "detached"}}
        body["repo"] = asked.repo or None
        body["budget_usd"] = None if asked.budget_usd is None else format(asked.budget_usd, "f")
        return await self._api.post(RunView, f"/agents/{_part(asked.workflow)}/run/async", body, key=f"cli-{uuid4()}")

    async def workflow(self, name: str) -> WorkflowView:
        """One workflow of the server's installation, or agent written in Python."""
        return await self._api.get(WorkflowView, f"/agents/{_part(name)}")

    async def advance(self, run: str, *, on_event: OnEvent | None = None) -> RunView:
        """Follow a run, which the server's workers carry on, until it has ended."""
        seen = 0
        while True:
            # Read before the events: whatever led to it is among them.
            view = await self.show(run)
            while events := await self.events(view.id, after=seen):
                for event in events:
                    if on_event is not None:
                        on_event(event)
                seen = events[-1].id
            if view.status in RUN_ENDED:
                return view
            await asyncio.sleep(_POLL_S)

    async def show(self, run: str) -> RunView:
        """One run, by its id or the beginning of it."""
        return await self._api.get(RunView, f"/runs/{_part(run)}")

    async def page(
        self,
        *,
        status: str | None = None,
        repo: str | None = None,
        workflow: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[RunView]:
        """Runs, newest first."""
        return await self._api.get(Page[RunView], "/runs", status=status, repo=repo, workflow=workflow, limit=limit, cursor=cursor)

    async def cancel(self, run: str, *, by: str, reason: str = "") -> RunView:
        """End a run; the server knows who asks, so `by` is not sent."""
        del by
        return await self._api.post(RunView, f"/runs/{_part(run)}/cancel", {"reason": reason})

    async def events(self, run: str, *, after: int = 0, limit: int = _MOST) -> tuple[EventView, ...]:
        """The events of a run after a number, in order."""
        return (await self._api.get(Page[EventView], f"/runs/{_part(run)}/events", after=after, limit=min(limit, _MOST))).items

    async def log(self, run: str) -> tuple[dict[str, Any], ...]:
        """The turns of a run's agent, for reading."""
        return tuple(turn.root for turn in (await self._api.get(Page[_Turns], f"/runs/{_part(run)}/log")).items)


def _part(given: str) -> str:
    """What a person typed, as one part of a path."""
    return quote(given, safe="")
