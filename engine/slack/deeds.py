"""What people do from Slack: each message from there leads to one deed, however often it is delivered."""

from __future__ import annotations

from typing import Final

from db.audit import audit_refusal
from db.connection import Connection
from db.epics import queue_epic
from db.hooks import Delivery, in_one_transaction, insert_hook_delivery
from db.slack import bind_thread, epic_of_thread
from db.slack_inbox import SlackInbox
from engine.access.permitting import permit
from engine.access.role_table import Needed, Of
from engine.approvals.eligibility import check_caller, check_eligible, waits_for
from engine.assembling import Installation
from engine.deciding import decide
from engine.reading import approval_view, epic_id_of, epic_view, list_approvals
from engine.saying import say
from engine.slack.asks import SlackAsks
from engine.slack.places import Place
from engine.slack.workspace import Workspace
from engine.starting import StartEpic, start_epic
from engine.views import ApprovalView, EpicView, SayingView
from epics.approvals import ApprovalStatus, Choice, Decision
from epics.callers import current_caller
from epics.errors import AlreadyDecided, Conflict, Superseded
from epics.roles import Deed
from epics.state import TERMINAL

_CHANNEL: Final = "slack"


class SlackDeeds:
    """Does what was asked for in Slack, for the current caller.

    A delivery is kept in the transaction of its deed. One that comes again raises `DeliveryTaken`, and nothing is done; what was refused is
    not kept, and is refused again.
    """

    def __init__(self, installation: Installation) -> None:
        """Bind to an open database."""
        self._installation = installation
        self._pool = installation.database.pool
        self.workspace = Workspace(self._pool)
        self.inbox = SlackInbox(self._pool)
        self.asks = SlackAsks(installation)

    async def start(self, asked: StartEpic, place: Place | None, delivery: Delivery) -> EpicView:
        """Start an epic whose thread is in a place; see `start_epic` for what is refused.

        Raises:
            Forbidden: if the caller may not start epics on the repository.
            DeliveryTaken: if it was started already.
        """
        await permit(self._pool, Needed(Deed.START, Of.REPO), asked.repo)

        async def beside(connection: Connection, epic_id: str) -> None:
            await insert_hook_delivery(connection, delivery, {"did": "start", "epic": epic_id})
            if place is not None:
                await bind_thread(connection, epic_id, place.channel, place.thread)

        return await epic_view(self._pool, await start_epic(self._installation, asked, within=beside))

    async def asked(self, approval: str, choice: Choice, content_hash: str) -> ApprovalView:
        """What an approval asks, if the caller could choose this there now: looked at before a form is opened for it.

        Raises:
            Forbidden: if the caller may not decide on the repository, or its terms let others choose this.
            AlreadyDecided: if somebody was first.
            Superseded: if it is over, or asks about something else.
        """
        caller, view = current_caller(), await approval_view(self._pool, approval)
        check_caller(caller, view)
        if view.decision is not None and view.decided_at is not None:
            raise AlreadyDecided(view.id, view.decision, view.decided_by or "somebody", view.decided_at.isoformat(timespec="seconds"))
        if view.status is not ApprovalStatus.PENDING:
            raise Superseded(f"approval {view.id} is {view.status} and takes no decision any more")
        if view.content_hash != content_hash:
            raise Superseded(f"approval {view.id} asks about something else now")
        check_eligible(caller, view, Decision(choice=choice, by=caller.person, channel=_CHANNEL))
        return view

    async def awaited(self, most: int) -> tuple[ApprovalView, ...]:
        """The newest approvals that wait for the caller, so many at most."""
        pending = await list_approvals(self._pool, status=ApprovalStatus.PENDING, epic_id=None)
        return tuple(approval for approval in pending if waits_for(current_caller(), approval))[:most]

    async def decide(self, approval: str, decision: Decision, content_hash: str, delivery: Delivery) -> ApprovalView:
        """Decide; see `engine.deciding.decide`.

        Raises:
            Forbidden: if the caller may not decide on the repository.
            DeliveryTaken: if this very click was counted already.
        """
        if decision.to is not None:
            # It reads checkpoints, which has connections of its own; delivered again, it is told that it was decided.
            return await decide(self._installation.database, approval, decision, content_hash)
        async with in_one_transaction(self._installation.database) as (connection, inside):
            await insert_hook_delivery(connection, delivery, {"did": "decide", "approval": approval})
            return await decide(inside, approval, decision, content_hash)

    async def say(self, epic: str, text: str, delivery: Delivery) -> SayingView:
        """Say something to the agent of an epic.

        Raises:
            Forbidden: if the caller may not steer it.
            DeliveryTaken: if it was said already.
        """
        epic_id = await self._steered(epic)
        async with in_one_transaction(self._installation.database) as (connection, inside):
            await insert_hook_delivery(connection, delivery, {"did": "say", "epic": epic_id})
            return await say(inside.pool, epic_id, text, by=current_caller().person, channel=_CHANNEL)

    async def resume(self, epic: str, delivery: Delivery) -> EpicView:
        """Carry an epic on that was paused.

        Raises:
            Conflict: if it has ended.
            Forbidden: if the caller may not steer it.
            DeliveryTaken: if it was resumed already.
        """
        epic_id = await self._steered(epic)
        async with in_one_transaction(self._installation.database) as (connection, inside):
            await insert_hook_delivery(connection, delivery, {"did": "resume", "epic": epic_id})
            view = await epic_view(inside.pool, epic_id)
            if view.status in TERMINAL:
                raise Conflict(f"epic {epic_id} has ended: it is {view.status}")
            await queue_epic(inside.pool, epic_id, auto_approve=None, by=current_caller().person)
        return await epic_view(self._pool, epic_id)

    async def cancel(self, epic: str) -> EpicView:
        """Cancel an epic; a second time it has ended already.

        Raises:
            Conflict: if it has ended.
            Forbidden: if the caller may not steer it.
        """
        from engine.time_machine.cancelling import cancel_epic  # noqa: PLC0415  # reads checkpoints, for which LangGraph is imported
        from engine.time_machine.racing import look_after_race  # noqa: PLC0415  # as above

        view = await cancel_epic(self._installation, await self._steered(epic), by=current_caller().person, reason="asked for in Slack")
        await look_after_race(self._installation, view.id)
        return view

    async def refused(self, deed: str, *, kind: str, subject: str, answer: str) -> None:
        """Note in the audit that the caller was refused something."""
        await audit_refusal(self._pool, deed, kind=kind, subject=subject, answer=answer)

    async def epic_of_thread(self, channel: str, ts: str) -> str | None:
        """The epic that a thread is about, or None."""
        return await epic_of_thread(self._pool, channel, ts)

    async def _steered(self, epic: str) -> str:
        await permit(self._pool, Needed(Deed.STEER, Of.EPIC), epic)
        return await epic_id_of(self._pool, epic)
