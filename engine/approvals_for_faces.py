"""What a face asks about approvals: the part of the engine that lists, shows and decides them."""

from __future__ import annotations

from typing import Final

from db.connection import Pool
from engine.approvals.mine import check_pending, page_of_mine
from engine.assembling import Installation
from engine.deciding import decide
from engine.reading import approval_id_of, approval_view, asked_approval_id, epic_id_of, list_approvals, page_of_approvals
from engine.refusals import refusals_told
from engine.views import ApprovalView, GateContent, Page
from epics.approvals import Decision

_MOST: Final = 500


class Approvals:
    """The questions to people, and their answers."""

    def __init__(self, installation: Installation) -> None:
        """Bind to an open database."""
        self._installation = installation
        self._pool: Pool = installation.database.pool

    async def approvals(self, *, status: str | None = None, epic: str | None = None, mine: bool = False) -> tuple[ApprovalView, ...]:
        """Approvals, newest first; with `mine`, those that wait for the caller."""
        if mine:
            return (await self.approval_page(status=status, epic=epic, limit=_MOST, mine=True)).items
        epic_id = await epic_id_of(self._pool, epic) if epic is not None else None
        return await list_approvals(self._pool, status=status, epic_id=epic_id)

    async def approval_page(
        self, *, status: str | None = None, epic: str | None = None, limit: int = 50, cursor: str | None = None, mine: bool = False
    ) -> Page[ApprovalView]:
        """A page of the approvals, newest first; with `mine`, of those that wait for the caller."""
        epic_id = await epic_id_of(self._pool, epic) if epic is not None else None
        if mine:
            check_pending(status)
            return await page_of_mine(self._pool, epic_id=epic_id, limit=limit, cursor=cursor)
        return await page_of_approvals(self._pool, status=status, epic_id=epic_id, limit=limit, cursor=cursor)

    async def approval(self, given: str) -> ApprovalView:
        """One approval, by its id or the beginning of it, or by the epic that waits for it."""
        return await approval_view(self._pool, await approval_id_of(self._pool, given))

    async def decide(self, given: str, decision: Decision, content_hash: str | None = None) -> ApprovalView:
        """Decide an approval; see `engine.deciding.decide`."""
        approval_id = await asked_approval_id(self._pool, given)
        async with refusals_told(self._pool, "decide", kind="approval", subject=approval_id):
            return await decide(self._installation.database, approval_id, decision, content_hash)

    async def gate_content(self, given: str) -> GateContent:
        """What the person who decides needs to see."""
        from engine.gates import gate_content  # noqa: PLC0415  # as in `advance`

        return await gate_content(self._installation, await self.approval(given))
