"""What is due on an approval that waits: a reminder, an escalation, its end. Each is done once, by whoever comes first."""

from __future__ import annotations

from typing import Any, Final

from db.audit import audited
from db.connection import Connection, Pool
from db.epics import Row, fetch_all
from db.failures import foreseen
from db.fence import add_events
from db.jobs import hint
from db.queries import QUERIES
from epics.approval_terms import Terms
from epics.approvals import OPTIONS, Choice
from epics.callers import GENIE, acting_as
from epics.steps import Step

POLICY: Final = "the policy"
"""Who decided, where nobody did in time and the policy says that this ends the epic."""

_AT_ONCE: Final = 100


async def due_approvals(pool: Pool) -> list[str]:
    """The approvals on which something is due, the longest overdue first; some of them."""
    return [row["id"] for row in await fetch_all(pool, "due_approvals", {"limit": _AT_ONCE})]


async def do_what_is_due(pool: Pool, approval_id: str) -> None:
    """Remind, escalate or end an approval, as its terms say by the clock of the database; nothing if that was done."""
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            # The epic's row first, as everybody does who decides.
            locked = await (await connection.execute(QUERIES["lock_epic_of_approval"], {"approval": approval_id})).fetchone()
            if locked is None:
                return
            await _tell(connection, approval_id, "remind_of_approval", "approval_reminded")
            await _tell(connection, approval_id, "escalate_approval", "approval_escalated")
            await expire_in(connection, approval_id)
    pool.announcer.announce(locked["id"])


async def expire_in(connection: Connection, approval_id: str) -> None:
    """End an approval whose time is over, in the transaction at hand, which has locked the epic; the epic is parked, or ends."""
    row = await (await connection.execute(QUERIES["expire_approval"], {"approval": approval_id})).fetchone()
    if row is None:
        return
    terms, gate = Terms.model_validate(row["terms"]), Step(row["gate"])
    why = f"nobody decided the {gate} within {_spoken(row)}, with {_counted(len(row['votes']))} of {terms.quorum} needed"
    ends = terms.on_expiry == "reject"
    data = {"approval": approval_id, "gate": gate, "on_expiry": terms.on_expiry, "why": why}
    events: list[dict[str, Any]] = [{"type": "approval_expired", "data": data}]
    if ends:
        choice = _ending(gate)
        await connection.execute(QUERIES["decide_expired"], {"approval": approval_id, "decision": choice, "by": POLICY, "comment": why})
        await connection.execute(QUERIES["epic_decided"], {"epic": row["epic"]})
    else:
        problem = f"{why}; ask again with: genie epic resume {row['epic']}"
        await connection.execute(QUERIES["park_expired"], {"epic": row["epic"], "problem": problem})
        events.append({"type": "epic_paused", "data": {"problem": problem}})
    await add_events(connection, row["epic"], events)
    if ends:
        await hint(connection, row["epic"])
    with acting_as(GENIE.model_copy(update={"person": POLICY})):
        subject: dict[str, str] = {"kind": "approval", "subject": approval_id, "epic": row["epic"], "content_hash": row["content_hash"]}
        await audited(connection, "expire", **subject, answer=_ending(gate) if ends else "paused", data=data)


async def _tell(connection: Connection, approval_id: str, query: str, event: str) -> None:
    row = await (await connection.execute(QUERIES[query], {"approval": approval_id})).fetchone()
    if row is None:
        return
    terms = Terms.model_validate(row["terms"])
    data: dict[str, Any] = {"approval": approval_id, "gate": row["gate"], "requested_at": row["requested_at"].isoformat(timespec="seconds")}
    if row["expires_at"] is not None:
        data["expires_at"] = row["expires_at"].isoformat(timespec="seconds")
    if event == "approval_escalated":
        data["to"] = list(terms.escalates_to)
    else:
        data["who"] = list(dict.fromkeys(name for side in terms.sides for name in side.who))
    await add_events(connection, row["epic"], [{"type": event, "data": data}])


def _ending(gate: Step) -> Choice:
    """The choice of a gate that ends its epic."""
    return OPTIONS[gate][-1]


def _spoken(row: Row) -> str:
    seconds = int((row["expires_at"] - row["requested_at"]).total_seconds())
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {name}{'' if seconds == size else 's'}"
    return f"{seconds} seconds"


def _counted(votes: int) -> str:
    return f"{votes} vote{'' if votes == 1 else 's'}"
