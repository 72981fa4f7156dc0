"""The approvals that wait for one person: those that the caller may let go on, and has said nothing about yet."""

from __future__ import annotations

from typing import Final

from db.connection import Pool
from engine.approvals.eligibility import waits_for
from engine.cursors import cursor_at
from engine.reading import page_of_approvals
from engine.views import ApprovalView, Page
from epics.approvals import ApprovalStatus
from epics.callers import current_caller
from epics.errors import InvalidInput

_AT_ONCE: Final = 200


async def page_of_mine(pool: Pool, *, epic_id: str | None, limit: int, cursor: str | None) -> Page[ApprovalView]:
    """A page of the approvals that wait for the current caller, newest first.

    Each is held against its terms as a decision is, so that the list and the decision cannot disagree.

    Raises:
        InvalidInput: if the cursor is none.
    """
    caller, found = current_caller(), list[ApprovalView]()
    while True:
        page = await page_of_approvals(pool, status=ApprovalStatus.PENDING, epic_id=epic_id, limit=_AT_ONCE, cursor=cursor)
        for approval in page.items:
            if waits_for(caller, approval):
                found.append(approval)
            if len(found) == limit:
                return Page[ApprovalView](items=tuple(found), next=cursor_at(approval))
        if page.next is None:
            return Page[ApprovalView](items=tuple(found))
        cursor = page.next


def check_pending(status: str | None) -> None:
    """Refuse to list what waits for somebody among what waits for nobody.

    Raises:
        InvalidInput: naming the status.
    """
    if status not in {None, ApprovalStatus.PENDING}:
        message = f"what waits for you is pending: ask for that, not for what is {status}"
        raise InvalidInput(message)
