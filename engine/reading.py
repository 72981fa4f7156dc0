"""Reading: the views of the faces, straight from the rows."""

from __future__ import annotations

from typing import Any, Final

from db.connection import Connection, Pool
from db.epics import Row, fetch_all, fetch_one
from db.queries import QUERIES
from engine.cursors import approvals_cursor, cursor_at
from engine.finding import found_approval, found_epic, no_epic
from engine.readable import readable_patterns
from engine.views import ApprovalView, AttemptView, EpicView, EventView, Page
from epics.errors import ApprovalNotFound, EpicNotFound, InvalidInput
from epics.ids import is_id

STATUSES: Final = ("queued", "running", "waiting", "paused", "merged", "rejected", "failed", "cancelled")

_MOST: Final = 500


async def epic_id_of(pool: Pool, given: str) -> str:
    """The id of the one epic that `given` is, or is the beginning of; see `found_epic`."""
    return (await found_epic(pool, given)).id


async def epic_view(pool: Pool, epic_id: str) -> EpicView:
    """One epic by its whole id.

    Raises:
        EpicNotFound: if there is none.
    """
    row = await fetch_one(pool, "epic_view", {"epic": epic_id})
    if row is None:
        raise no_epic(epic_id)
    return _epic(row)


async def epic_view_on(connection: Connection, epic_id: str) -> EpicView:
    """One epic as the transaction at hand sees it, which has just made it."""
    row = await (await connection.execute(QUERIES["epic_view"], {"epic": epic_id})).fetchone()
    if row is None:
        message = f"there is no epic {epic_id!r}"
        raise EpicNotFound(message)
    return _epic(row)


async def list_epics(pool: Pool, *, status: str | None, repo: str | None, limit: int, cursor: str | None) -> Page[EpicView]:
    """Epics, newest first.

    Raises:
        InvalidInput: if there is no such status, or the limit is out of range.
    """
    if status is not None and status not in STATUSES:
        message = f"there is no status {status!r}; there are {', '.join(STATUSES)}"
        raise InvalidInput(message)
    if not 1 <= limit <= _MOST:
        message = f"the limit must be from 1 to {_MOST}, not {limit}"
        raise InvalidInput(message)
    if cursor is not None and not is_id(cursor, "e"):
        message = f"{cursor!r} is no cursor: give what `next` said, or none"
        raise InvalidInput(message)
    asked = {"status": status, "repo": repo, "before": cursor, "limit": limit + 1, "patterns": readable_patterns()}
    rows = await fetch_all(pool, "list_epics", asked)
    items = tuple(_epic(row) for row in rows[:limit])
    return Page[EpicView](items=items, next=items[-1].id if len(rows) > limit else None)


async def list_attempts(pool: Pool, epic_id: str) -> tuple[AttemptView, ...]:
    """The attempts of an epic, in rising order."""
    return tuple(_attempt(row) for row in await fetch_all(pool, "list_attempts", {"epic": epic_id}))


async def list_events(pool: Pool, epic_id: str, *, after: int, limit: int) -> tuple[EventView, ...]:
    """The events of an epic after a number, in order."""
    rows = await fetch_all(pool, "list_events", {"epic": epic_id, "after": after, "limit": limit})
    return tuple(EventView.model_validate(row) for row in rows)


async def approval_id_of(pool: Pool, given: str) -> str:
    """The id of the one approval that `given` is or begins, or of the pending approval of the epic that it is or begins.

    Raises:
        ApprovalNotFound: if there is none.
        InvalidInput: if there are several.
    """
    if given.startswith("e-"):
        epic_id = await epic_id_of(pool, given)
        row = await fetch_one(pool, "pending_approval_of_epic", {"epic": epic_id})
        if row is None:
            message = f"epic {epic_id} waits for no decision: see `genie epic show {epic_id}`"
            raise ApprovalNotFound(message)
        return str(row["id"])
    return (await found_approval(pool, given)).id


async def asked_approval_id(pool: Pool, given: str) -> str:
    """As `approval_id_of`; for an epic that waits for nothing any more, the approval that was decided last, so that who comes late is told.

    Raises:
        ApprovalNotFound: if there is none, or the epic never asked.
        InvalidInput: if there are several.
    """
    try:
        return await approval_id_of(pool, given)
    except ApprovalNotFound:
        epic_id = await epic_id_of(pool, given) if given.startswith("e-") else None
        row = await fetch_one(pool, "decided_approval_of_epic", {"epic": epic_id}) if epic_id is not None else None
        if row is None:
            raise
        return str(row["id"])


async def approval_view(pool: Pool, approval_id: str) -> ApprovalView:
    """One approval by its whole id.

    Raises:
        ApprovalNotFound: if there is none.
    """
    row = await fetch_one(pool, "approval_view", {"approval": approval_id})
    if row is None:
        message = f"there is no approval {approval_id!r}: see `genie approval list`"
        raise ApprovalNotFound(message)
    return ApprovalView.model_validate(row)


async def page_of_approvals(pool: Pool, *, status: str | None, epic_id: str | None, limit: int, cursor: str | None) -> Page[ApprovalView]:
    """A page of the approvals, newest first.

    Raises:
        InvalidInput: if the cursor is none.
    """
    after = approvals_cursor(cursor) if cursor is not None else {"before_time": None, "before_id": None}
    asked = {"status": status, "epic": epic_id, "limit": limit + 1, "patterns": readable_patterns(), **after}
    rows = await fetch_all(pool, "page_of_approvals", asked)
    items = tuple(ApprovalView.model_validate(row) for row in rows[:limit])
    return Page[ApprovalView](items=items, next=cursor_at(items[-1]) if len(rows) > limit else None)


async def list_approvals(pool: Pool, *, status: str | None, epic_id: str | None, limit: int = _MOST) -> tuple[ApprovalView, ...]:
    """Approvals, newest first."""
    asked = {"status": status, "epic": epic_id, "limit": limit, "patterns": readable_patterns()}
    rows = await fetch_all(pool, "list_approvals", asked)
    return tuple(ApprovalView.model_validate(row) for row in rows)


def _epic(row: Row) -> EpicView:
    return EpicView.model_validate({name: value for name, value in row.items() if name != "stored_status"})


def _attempt(row: Row) -> AttemptView:
    result: dict[str, Any] = row["result"] or {}
    names = ("n", "step", "workflow", "executor", "model", "branch", "base_commit", "turns", "cost_usd")
    kept = (*names, "configuration", "setup", "recovery", "started_at", "ended_at")
    return AttemptView.model_validate(
        {
            **{key: row[key] for key in kept},
            "changed": row["changed"] or (),
            "lessons": row["lessons"] or (),
            "recalled": row["recalled"] or (),
            "commit": result.get("commit"),
            "ended_by": result.get("ended_by"),
            "error": result.get("error", ""),
            "files_changed": result.get("files", ()),
        }
    )
