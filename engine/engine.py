"""The use cases of Genie behind every face: start, advance, decide, cancel, read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from db.audit import audited_alone
from db.epics import queue_epic
from db.notifications import listening
from engine.approvals_for_faces import Approvals
from engine.assembling import Installation
from engine.following import News, follow
from engine.following_events import OnEvent, following
from engine.hooks import Hooks
from engine.readiness import Standing, free_bytes, schema_fault, standing, workers_seen
from engine.reading import (
    epic_id_of,
    epic_view,
    list_epics,
    list_events,
)
from engine.refusals import refusals_told
from engine.retention import PruneReport, RetentionPolicy, prune
from engine.saying import say, sayings_of
from engine.starting import StartEpic, start_epic
from engine.starting_once import OnceStarter, Started
from engine.time_machine.going_back import GoingBack
from engine.time_machine.past import Past
from engine.time_machine.races import Races
from engine.views import EpicView, EventView, Page, SayingView, WorkerView
from epics.callers import current_caller
from epics.errors import Conflict
from epics.roles import Deed
from epics.state import TERMINAL

if TYPE_CHECKING:
    from engine.access.access import Access
    from engine.access.guarding import Guarding
    from engine.audit import Audit
    from engine.containers import Containers
    from engine.knowledge.for_faces import KnowledgeForFaces
    from engine.mcp.for_faces import McpServers
    from engine.memories_for_faces import Memories
    from engine.prompts_for_faces import Prompts
    from engine.routing.asks_for_faces import Asks
    from engine.runs_for_faces import Runs
    from engine.secrets import Secrets
    from engine.sessions_for_faces import Sessions
    from engine.slack.deeds import SlackDeeds
    from engine.slack.showing import Showing
    from engine.time_machine.keeping import Keeping
    from engine.time_machine.replaying import Replaying
    from engine.webhooks import Webhooks


class Engine(Past, GoingBack, Races, Approvals):
    """All that a face can do; made by `open_engine`."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open database and its executors."""
        super().__init__(installation)
        self._once = OnceStarter(installation)
        self._access: Access | None = None
        self.hooks = Hooks(installation)

    @property
    def access(self) -> Access:
        """Who may ask: keys, tokens, people. One for this process: it keeps the keys of the identity provider."""
        if self._access is None:
            from engine.access.access import Access  # noqa: PLC0415  # workers need none of it

            self._access = Access(self._pool, self._installation.trusted)
        return self._access

    @property
    def guarding(self) -> Guarding:
        """What a server asks before it lets somebody do something."""
        from engine.access.guarding import Guarding  # noqa: PLC0415  # servers alone need it

        return Guarding(self._pool)

    @property
    def audit(self) -> Audit:
        """Who did what."""
        from engine.audit import Audit  # noqa: PLC0415  # few commands need it

        return Audit(self._pool)

    @property
    def runs(self) -> Runs:
        """Workflows run on repositories without an epic."""
        from engine.runs_for_faces import Runs  # noqa: PLC0415  # few commands need it

        return Runs(self._installation, self._once)

    @property
    def sessions(self) -> Sessions:
        """Conversations with agents."""
        from engine.sessions_for_faces import Sessions  # noqa: PLC0415  # few commands need it

        return Sessions(self._installation)

    @property
    def prompts(self) -> Prompts:
        """What agents are told first."""
        from engine.prompts_for_faces import Prompts  # noqa: PLC0415  # few commands need it

        return Prompts(self._installation)

    @property
    def memories(self) -> Memories:
        """Named values for the variables of prompts."""
        from engine.memories_for_faces import Memories  # noqa: PLC0415  # few commands need it

        return Memories(self._installation)

    @property
    def asks(self) -> Asks:
        """Requests in free words."""
        from engine.routing.asks_for_faces import Asks  # noqa: PLC0415  # few commands need it

        return Asks(self._installation)

    @property
    def webhooks(self) -> Webhooks:
        """Who is told of what happens."""
        from engine.webhooks import Webhooks  # noqa: PLC0415  # few commands need the HTTP client

        return Webhooks(self._installation)

    @property
    def secrets(self) -> Secrets:
        """What is kept sealed in the database."""
        from engine.secrets import Secrets  # noqa: PLC0415  # few commands need them

        return Secrets(self._installation)

    @property
    def knowledge(self) -> KnowledgeForFaces:
        """What past work taught."""
        from engine.knowledge.for_faces import KnowledgeForFaces  # noqa: PLC0415  # few commands need it

        return KnowledgeForFaces(self._installation)

    @property
    def mcp_servers(self) -> McpServers:
        """The MCP servers that agents call."""
        from engine.mcp.for_faces import McpServers  # noqa: PLC0415  # few commands need them

        return McpServers(self._installation)

    @property
    def slack(self) -> SlackDeeds:
        """What people do from Slack."""
        from engine.slack.deeds import SlackDeeds  # noqa: PLC0415  # few commands need it

        return SlackDeeds(self._installation)

    @property
    def showing(self) -> Showing:
        """What Slack is to show."""
        from engine.slack.showing import Showing  # noqa: PLC0415  # as above

        return Showing(self._installation)

    @property
    def containers(self) -> Containers:
        """The containers of agents on this host."""
        from engine.containers import Containers  # noqa: PLC0415  # few commands need them

        return Containers(self._installation)

    @property
    def keeping(self) -> Keeping:
        """Pasts as a whole: exported and imported."""
        from engine.time_machine.keeping import Keeping  # noqa: PLC0415  # reads checkpoints, for which LangGraph is imported

        return Keeping(self._installation)

    @property
    def replaying(self) -> Replaying:
        """Replays of epics, and checks of histories."""
        from engine.time_machine.replaying import Replaying  # noqa: PLC0415  # as in `advance`

        return Replaying(self._installation)

    async def start(self, asked: StartEpic) -> EpicView:
        """Check what is asked and queue the epic; see `start_epic` for what is refused."""
        async with refusals_told(self._pool, "start", kind="epic", subject=asked.repo, repo=asked.repo):
            return await epic_view(self._pool, await start_epic(self._installation, asked))

    async def start_once(self, asked: StartEpic, key: str) -> Started:
        """Start an epic under a client's key, once however often it is asked for; see `OnceStarter`."""
        async with refusals_told(self._pool, "start", kind="epic", subject=asked.repo, repo=asked.repo):
            return await self._once.start(asked, key)

    async def advance(self, epic: str, *, on_event: OnEvent | None = None) -> EpicView:
        """Run an epic in this process until it waits, ends or is stopped; see `advance_epic`.

        Args:
            epic: its id or the beginning of it.
            on_event: called with each event as it is recorded, from now on, for live progress.
        """
        from engine.advancing import advance_epic  # noqa: PLC0415  # LangGraph takes seconds to import, and reading needs none of it

        epic_id = await epic_id_of(self._pool, epic)
        async with following(self._pool, epic_id, on_event):
            await advance_epic(self._installation, epic_id)
        return await epic_view(self._pool, epic_id)

    async def work(self, stop: asyncio.Event, *, concurrency: int | None = None) -> None:
        """Be a worker until `stop` is set; see `run_worker`."""
        from engine.worker import run_worker  # noqa: PLC0415  # as in `advance`

        await run_worker(self._installation, stop=stop, concurrency=concurrency)

    def drain(self) -> None:
        """Begin no step any more: what is advanced here is handed over at the end of its step."""
        self._installation.draining.set()

    @property
    def drain_seconds(self) -> float:
        """How long a step may still run in a process that is to end."""
        return self._installation.dispatch.drain_seconds

    async def resume(self, epic: str, *, auto_approve: bool | None = None, by: str = "") -> EpicView:
        """Make an epic that was paused or interrupted runnable again.

        Raises:
            Conflict: if it has ended.
            Forbidden: if its gates are to be approved in advance, and the caller may not decide there.
        """
        view = await self.epic(epic)
        if auto_approve:
            async with refusals_told(self._pool, "decide", kind="epic", subject=view.id, repo=view.repo):
                current_caller().check(Deed.DECIDE, view.repo)
        if view.status in TERMINAL:
            message = f"epic {view.id} has ended: it is {view.status}, and there is nothing to resume"
            raise Conflict(message)
        await queue_epic(self._pool, view.id, auto_approve=auto_approve, by=by)
        if view.race == "running":
            await self._resume_entries(view.id, by=by)
        return await epic_view(self._pool, view.id)

    async def cancel(self, epic: str, *, by: str, reason: str = "") -> EpicView:
        """Cancel an epic; see `cancel_epic`."""
        from engine.time_machine.cancelling import cancel_epic  # noqa: PLC0415  # as in `advance`
        from engine.time_machine.racing import look_after_race  # noqa: PLC0415  # as in `advance`

        view = await cancel_epic(self._installation, await epic_id_of(self._pool, epic), by=by, reason=reason)
        await look_after_race(self._installation, view.id)
        return view

    async def say(self, epic: str, text: str, *, by: str, channel: str = "cli") -> SayingView:
        """Say something to an epic's agent; see `engine.saying.say`."""
        return await say(self._pool, await epic_id_of(self._pool, epic), text, by=by, channel=channel)

    async def sayings(self, epic: str) -> tuple[SayingView, ...]:
        """What was said to an epic's agents, in order."""
        return await sayings_of(self._pool, await epic_id_of(self._pool, epic))

    async def epic(self, epic: str) -> EpicView:
        """One epic, by its id or the beginning of it."""
        return await epic_view(self._pool, await epic_id_of(self._pool, epic))

    async def epics(
        self, *, status: str | None = None, repo: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[EpicView]:
        """Epics, newest first."""
        return await list_epics(self._pool, status=status, repo=repo, limit=limit, cursor=cursor)

    async def events(self, epic: str, *, after: int = 0, limit: int = 1000) -> tuple[EventView, ...]:
        """The events of an epic after a number, in order."""
        return await list_events(self._pool, await epic_id_of(self._pool, epic), after=after, limit=limit)

    async def prune(self, policy: RetentionPolicy, *, apply: bool) -> PruneReport:
        """Prune finished epics, or measure what that would free; see `engine.retention.prune`."""
        if apply:
            # Before: it is many transactions.
            await audited_alone(self._pool, "prune", kind="database", subject="finished epics", answer="asked", data=policy.model_dump())
        return await prune(self._pool, policy, apply=apply)

    def warm_up(self) -> None:
        """Import now what is else imported by the first request that needs it."""
        for module in (
            "time_machine.cancelling",
            "gates",
            "time_machine.rollback",
            "time_machine.forking",
            "time_machine.racing",
            "access.tokens",
        ):
            import_module(f"engine.{module}")
        for name in self._installation.executors:
            self._installation.executors[name]

    @asynccontextmanager
    async def news(self) -> AsyncGenerator[News]:
        """Hear of new events while this is open; `follow` needs it."""
        async with listening(self._installation.database.dsn) as listener:
            yield listener

    def follow(
        self, epic_id: str, news: News, *, after: int, stopping: asyncio.Event, quiet_s: float
    ) -> AsyncGenerator[EventView | EpicView | None]:
        """The events of an epic as they come; see `engine.following.follow`."""
        return follow(self._pool, news, epic_id, after=after, stopping=stopping, quiet_s=quiet_s)

    async def standing(self) -> Standing:
        """How the installation stands: epics by status, the queue, the workers, the pool."""
        return await standing(self._installation.database)

    async def workers(self) -> tuple[WorkerView, ...]:
        """The workers that were heard of in the last day, those that live first."""
        return await workers_seen(self._installation.database)

    async def fault(self) -> str | None:
        """What keeps the database from serving, or None; see `schema_fault`."""
        return await schema_fault(self._installation)

    def free_bytes(self) -> int:
        """Room that is left where mirrors and work trees are."""
        return free_bytes(self._installation)
