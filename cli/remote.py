"""The commands' service by a server's API: the same calls, the same views, the same errors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from pydantic import RootModel

from cli.api_client import ApiClient
from cli.remote_asks import RemoteAsks
from cli.remote_keys import RemoteKeys
from cli.remote_knowledge import RemoteKnowledge
from cli.remote_runs import RemoteRuns
from cli.remote_sessions import RemoteMemories, RemotePrompts, RemoteSessions
from engine.following_events import OnEvent
from engine.history_views import DiffView
from engine.starting import StartEpic
from engine.time_machine.comparison_views import Comparison
from engine.time_machine.moment_views import MomentDetail
from engine.time_machine.naming import no_such_name, number_in
from engine.time_machine.orders import Fork, GoBack
from engine.time_machine.race_views import Picked, Race
from engine.time_machine.rollback_views import RollbackView
from engine.views import ApprovalView, AttemptView, EpicView, EventView, GateContent, MomentView, Page, SayingView, SetupView, WorkerView
from epics.approvals import ApprovalStatus, Decision

_POLL_S: Final = 0.3
_MOST: Final = 500
_STOPPED: Final = frozenset({"paused", "merged", "rejected", "failed", "cancelled"})


class _Turns(RootModel[dict[str, Any]]):
    """A turn as the server tells it."""


class RemoteService:
    """What `Engine` does here, asked of a server; its workers carry the epics on."""

    def __init__(self, api: ApiClient) -> None:
        """Bind to an open client."""
        self._api = api
        # The last event that was seen of an epic, or that there was before it was set going.
        self._seen: dict[str, int] = {}

    async def start(self, asked: StartEpic) -> EpicView:
        """Queue an epic at the server; asked again without an answer, it is the same epic."""
        body = {
            "goal": asked.goal,
            "repo": asked.repo,
            "base": asked.base,
            "budget_usd": None if asked.budget_usd is None else format(asked.budget_usd, "f"),
            "executor": asked.executor,
            "model": asked.model,
            "autonomy": asked.autonomy,
            "auto_approve": asked.auto_approve,
            "labels": asked.labels,
            "attempts": asked.attempts,
        }
        epic = await self._api.post(EpicView, "/epics", body, key=f"cli-{uuid4()}")
        self._seen[epic.id] = 0
        return epic

    async def advance(self, epic: str, *, on_event: OnEvent | None = None) -> EpicView:
        """Follow an epic, which the server's workers carry on, until it waits for a person, is paused or has ended."""
        view = await self.epic(epic)
        if view.id not in self._seen:
            self._seen[view.id] = await self._last_event(view.id)
        while True:
            # Read before the events: whatever led to it is among them.
            view = await self.epic(view.id)
            still = await self._stands_still(view)
            await self._hand_on(view.id, on_event)
            if still:
                return view
            await asyncio.sleep(_POLL_S)

    async def resume(self, epic: str, *, auto_approve: bool | None = None, by: str = "") -> EpicView:
        """Make an epic runnable again; the server knows who asks, so `by` is not sent."""
        del by
        epic_id = (await self.epic(epic)).id
        self._seen[epic_id] = await self._last_event(epic_id)
        return await self._api.post(EpicView, f"/epics/{_part(epic_id)}/resume", {"auto_approve": auto_approve})

    async def cancel(self, epic: str, *, by: str, reason: str = "") -> EpicView:
        """End an epic; the server knows who asks, so `by` is not sent."""
        del by
        return await self._api.post(EpicView, f"/epics/{_part(epic)}/cancel", {"reason": reason})

    async def say(self, epic: str, text: str, *, by: str) -> SayingView:
        """Say something to an epic's agent; the server knows who, so `by` is not sent."""
        del by
        return await self._api.post(SayingView, f"/epics/{_part(epic)}/say", {"text": text})

    async def epic(self, epic: str) -> EpicView:
        """One epic, by its id or the beginning of it."""
        return await self._api.get(EpicView, f"/epics/{_part(epic)}")

    async def epics(
        self, *, status: str | None = None, repo: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[EpicView]:
        """Epics, newest first."""
        return await self._api.get(Page[EpicView], "/epics", status=status, repo=repo, limit=limit, cursor=cursor)

    async def moments(self, epic: str) -> tuple[MomentView, ...]:
        """The moments of an epic, in rising order."""
        found: list[MomentView] = []
        page = await self._api.get(Page[MomentView], f"/epics/{_part(epic)}/moments")
        found.extend(page.items)
        while page.next is not None:
            page = await self._api.get(Page[MomentView], f"/epics/{_part(epic)}/moments", cursor=page.next)
            found.extend(page.items)
        return tuple(found)

    async def moment(self, epic: str, n: int) -> MomentDetail:
        """One moment of an epic with all that is known of it."""
        return await self._api.get(MomentDetail, f"/epics/{_part(epic)}/moments/{n}")

    async def diff(self, epic: str, *, begin: int | None = None, end: int | None = None) -> DiffView:
        """What changed between two moments of an epic."""
        return await self._api.get(DiffView, f"/epics/{_part(epic)}/diff", **{"from": begin, "to": end})

    async def compare(self, left: str, right: str, *, with_diff: bool = False) -> Comparison:
        """Two epics of one repository side by side."""
        asked = {"with": right, "diff": "true" if with_diff else None}
        return await self._api.get(Comparison, f"/epics/{_part(left)}/compare", **asked)

    async def moment_number(self, epic: str, given: str) -> int:
        """The number of a moment that was typed as its number or its name."""
        number = number_in(given)
        if number is not None:
            return number
        named = [moment.n for moment in await self.moments(epic) if moment.name == given]
        if not named:
            raise no_such_name(epic, given)
        return named[0]

    async def mark(self, epic: str, n: int, name: str | None, *, by: str) -> MomentView:
        """Give a moment a name, or take it away; the server knows who asks, so `by` is not sent."""
        del by
        path = f"/epics/{_part(epic)}/moments/{n}/name"
        return await (self._api.delete(MomentView, path) if name is None else self._api.put(MomentView, path, {"name": name}))

    async def roll_back(self, epic: str, asked: GoBack, *, dry_run: bool = False) -> RollbackView:
        """Take an epic back, or undo that; the server knows who asks, so `by` is not sent."""
        if asked.undo:
            return await self._api.post(RollbackView, f"/epics/{_part(epic)}/undo", {"dry_run": dry_run})
        body = {"to": asked.to, "level": asked.level, "guidance": asked.guidance, "dry_run": dry_run}
        return await self._api.post(RollbackView, f"/epics/{_part(epic)}/rollback", body)

    async def fork(self, epic: str, asked: Fork) -> EpicView:
        """Make a new epic from a moment of another; the server knows who asks, so `by` is not sent."""
        given = {name: getattr(asked, name) for name in ("at", "guidance", "model", "executor", "autonomy")}
        body = {**given, "budget_usd": None if asked.budget_usd is None else format(asked.budget_usd, "f"), "labels": dict(asked.labels)}
        return await self._api.post(EpicView, f"/epics/{_part(epic)}/fork", body)

    async def race(self, epic: str) -> Race:
        """The race of an epic."""
        return await self._api.get(Race, f"/epics/{_part(epic)}/race")

    async def pick(self, epic: str, entry: str, *, by: str) -> Picked:
        """Pick an entry of a race; the server knows who asks, so `by` is not sent."""
        del by
        return await self._api.post(Picked, f"/epics/{_part(epic)}/pick", {"fork": entry})

    @property
    def access(self) -> RemoteKeys:
        """Keys."""
        return RemoteKeys(self._api)

    @property
    def asks(self) -> RemoteAsks:
        """Requests in free words."""
        return RemoteAsks(self._api)

    @property
    def knowledge(self) -> RemoteKnowledge:
        """What past work taught."""
        return RemoteKnowledge(self._api)

    @property
    def runs(self) -> RemoteRuns:
        """Workflows run without an epic."""
        return RemoteRuns(self._api)

    @property
    def sessions(self) -> RemoteSessions:
        """Conversations with agents."""
        return RemoteSessions(self._api)

    @property
    def prompts(self) -> RemotePrompts:
        """What agents are told first."""
        return RemotePrompts(self._api)

    @property
    def memories(self) -> RemoteMemories:
        """Named values for the variables of prompts."""
        return RemoteMemories(self._api)

    @property
    def side_by_side(self) -> int:
        """How many epics are followed at once: all, since the server's workers carry them on."""
        return _MOST

    async def attempts(self, epic: str) -> tuple[AttemptView, ...]:
        """The attempts of an epic, in rising order."""
        return (await self._api.get(Page[AttemptView], f"/epics/{_part(epic)}/attempts")).items

    async def events(self, epic: str, *, after: int = 0, limit: int = _MOST) -> tuple[EventView, ...]:
        """The events of an epic after a number, in order."""
        return (await self._api.get(Page[EventView], f"/epics/{_part(epic)}/events", after=after, limit=min(limit, _MOST))).items

    async def attempt_log(self, epic: str, n: int) -> tuple[dict[str, Any], ...]:
        """The turns of an attempt, for reading."""
        return tuple(turn.root for turn in (await self._api.get(Page[_Turns], f"/epics/{_part(epic)}/attempts/{n}/log")).items)

    async def setup_log(self, epic: str, n: int) -> SetupView:
        """What came of making the work tree of an attempt ready."""
        return await self._api.get(SetupView, f"/epics/{_part(epic)}/attempts/{n}/setup")

    async def workers(self) -> tuple[WorkerView, ...]:
        """The workers that were heard of lately."""
        return (await self._api.get(Page[WorkerView], "/workers")).items

    async def approvals(self, *, status: str | None = None, epic: str | None = None, mine: bool = False) -> tuple[ApprovalView, ...]:
        """Approvals, newest first."""
        found: list[ApprovalView] = []
        query: Mapping[str, Any] = {"status": status, "epic": epic, "mine": "true" if mine else None, "limit": _MOST}
        page = await self._api.get(Page[ApprovalView], "/approvals", **query)
        found.extend(page.items)
        while page.next is not None:
            page = await self._api.get(Page[ApprovalView], "/approvals", **query, cursor=page.next)
            found.extend(page.items)
        return tuple(found)

    async def approval(self, given: str) -> ApprovalView:
        """One approval, by its id or the beginning of it, or by the epic that waits for it."""
        return await self._api.get(ApprovalView, f"/approvals/{_part(given)}")

    async def decide(self, given: str, decision: Decision, content_hash: str | None = None) -> ApprovalView:
        """Decide an approval; the server knows who decides, so `decision.by` is not sent."""
        body = {
            "decision": decision.choice,
            "comment": decision.comment,
            "to": decision.to,
            "amount_usd": None if decision.amount_usd is None else format(decision.amount_usd, "f"),
            "content_hash": content_hash,
        }
        return await self._api.post(ApprovalView, f"/approvals/{_part(given)}/decision", body)

    async def gate_content(self, given: str) -> GateContent:
        """What the person who decides needs to see."""
        return await self._api.get(GateContent, f"/approvals/{_part(given)}/content")

    async def changes(self, epic: str) -> str:
        """The diff of an epic against the commit that it began from, capped."""
        return (await self._api.get(DiffView, f"/epics/{_part(epic)}/diff")).diff

    async def _stands_still(self, view: EpicView) -> bool:
        if view.status != "waiting" or view.waiting_on is None:
            return view.status in _STOPPED
        # Decided, but not taken up by a worker yet: it goes on.
        return (await self.approval(view.waiting_on)).status is ApprovalStatus.PENDING

    async def _hand_on(self, epic_id: str, on_event: OnEvent | None) -> None:
        while events := await self.events(epic_id, after=self._seen[epic_id]):
            for event in events:
                if on_event is not None:
                    on_event(event)
            self._seen[epic_id] = events[-1].id

    async def _last_event(self, epic_id: str) -> int:
        last = 0
        while events := await self.events(epic_id, after=last):
            last = events[-1].id
        return last


def _part(given: str) -> str:
    """What a person typed, as one part of a path."""
    return quote(given, safe="")
