"""What the faces do with runs: start, advance, wait, cancel, read."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from typing import Any, Final

from agents.catalog import Catalog
from db.breakers import broken_agents
from engine.assembling import Installation, catalog_at
from engine.breaker import breaker_of, left_out
from engine.following_events import OnEvent, following
from engine.reading import list_events
from engine.refusals import refusals_told
from engine.runs.orders import StartRun
from engine.runs.reading import list_runs, run_id_of, run_log, run_view, run_view_on
from engine.runs.starting import start_run
from engine.runs.views import RunView
from engine.starting_once import OnceStarter, Started
from engine.views import EventView, Page
from engine.waiting import any_set
from engine.workflow_views import WorkflowView, agent_views, view_of
from epics.callers import current_caller
from epics.roles import Deed
from epics.runs import RUN_ENDED
from timemachine.repositories import inspect_repository
from timemachine.workspace import open_workspace

_LOOKS_S: Final = (0.05, 0.1, 0.2, 0.4)


class Runs:
    """The use cases of runs; `Engine.runs` gives them."""

    def __init__(self, installation: Installation, once: OnceStarter) -> None:
        """Bind to an open installation, and to what starts things once."""
        self._installation = installation
        self._pool = installation.database.pool
        self._once = once

    async def start(self, asked: StartRun) -> RunView:
        """Check what is asked and queue the run; see `start_run` for what is refused."""
        async with refusals_told(self._pool, "run", kind="run", subject=asked.workflow, repo=asked.repo):
            return await run_view(self._pool, await start_run(self._installation, asked))

    async def start_once(self, asked: StartRun, key: str) -> Started:
        """Start a run under a client's key, once however often it is asked for; see `OnceStarter`."""
        async with refusals_told(self._pool, "run", kind="run", subject=asked.workflow, repo=asked.repo):
            return await self._once.once(
                key, asdict(asked), lambda within: start_run(self._installation, asked, within=within), run_view_on
            )

    async def advance(self, run: str, *, on_event: OnEvent | None = None) -> RunView:
        """Run it in this process until it ends or is stopped; `on_event` is called with each event from now on."""
        from engine.advancing import advance_epic  # noqa: PLC0415  # the graph takes seconds to import, and reading needs none of it

        run_id = await run_id_of(self._pool, run)
        async with following(self._pool, run_id, on_event):
            await advance_epic(self._installation, run_id)
        return await run_view(self._pool, run_id)

    async def wait(self, run: str, *, seconds: float, stopping: asyncio.Event) -> RunView:
        """The run as soon as it has ended, or as it is after so many seconds or when this process stops.

        Nothing is held meanwhile: each look takes a connection for itself.
        """
        run_id, until, looks = await run_id_of(self._pool, run), time.monotonic() + seconds, iter(_LOOKS_S)
        while True:
            view = await run_view(self._pool, run_id)
            left = until - time.monotonic()
            if view.status in RUN_ENDED or left <= 0 or stopping.is_set():
                return view
            await any_set(stopping, within=min(left, next(looks, _LOOKS_S[-1])))

    async def cancel(self, run: str, *, by: str, reason: str = "") -> RunView:
        """Cancel a run; see `cancel_run`."""
        from engine.runs.cancelling import cancel_run  # noqa: PLC0415  # as in `advance`

        return await cancel_run(self._installation, await run_id_of(self._pool, run), by=by, reason=reason)

    async def show(self, run: str) -> RunView:
        """One run, by its id or the beginning of it."""
        return await run_view(self._pool, await run_id_of(self._pool, run))

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
        return await list_runs(self._pool, status=status, repo=repo, workflow=workflow, limit=limit, cursor=cursor)

    async def events(self, run: str, *, after: int = 0, limit: int = 1000) -> tuple[EventView, ...]:
        """The events of a run after a number, in order."""
        return await list_events(self._pool, await run_id_of(self._pool, run), after=after, limit=limit)

    async def log(self, run: str) -> tuple[dict[str, Any], ...]:
        """The turns of a run's agent, for reading."""
        return await run_log(self._pool, await run_id_of(self._pool, run))

    async def workflows(self, repo: str | None = None) -> tuple[WorkflowView, ...]:
        """The agents of both kinds of this installation, and those of the base branch of a repository, the broken ones too."""
        out = left_out(await broken_agents(self._pool))
        catalog, place = await self._catalog(repo)
        whys = {view.name: out.get(breaker_of(catalog.registry, view.name, place), "") for view in agent_views(catalog)}
        return tuple(view.model_copy(update={"left_out": whys[view.name]}) for view in agent_views(catalog))

    async def workflow(self, name: str, repo: str | None = None) -> WorkflowView:
        """One workflow, or agent written in Python, broken or not.

        Raises:
            WorkflowNotFound: if there is none of that name.
        """
        catalog, _ = await self._catalog(repo)
        broken = next((view for view in agent_views(catalog) if view.name == name and view.error), None)
        return broken or view_of(catalog.get(name))

    async def _catalog(self, repo: str | None) -> tuple[Catalog, str]:
        """What can be run, and where the repository really is."""
        here = self._installation
        if repo is None:
            return await asyncio.to_thread(Catalog.discover, agents_dir=here.agents_dir), ""
        facts = await inspect_repository(repo, None, here.git_environment)
        # Where it really is: the name that was given may be that of a link.
        current_caller().check(Deed.READ, facts.location)
        workspace = await open_workspace(here.home, facts.location, here.git_environment)
        return await catalog_at(workspace.mirror, await workspace.mirror.fetch_base(facts.base), here.agents_dir), facts.location
