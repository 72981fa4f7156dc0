"""The rows of approvals: one question, one decision."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from db.audit import audited
from db.connection import Connection, Pool
from db.epics import Row, fetch_one, raise_limit
from db.failures import foreseen
from db.fence import add_events
from db.jobs import hint
from db.queries import QUERIES
from epics.approvals import IN_ADVANCE, STATUS_AFTER, Choice, Decision


async def record_decision(pool: Pool, approval_id: str, decision: Decision, *, told: Mapping[str, Any] | None = None) -> Row | None:
    """Give an approval its one decision; the first wins, and None is returned to all others.

    In the same transaction the epic becomes runnable, a raised limit is lifted, the event is added, and the workers get a hint.

    Args:
        pool: connections to the database.
        approval_id: the approval.
        decision: what is decided.
        told: what the event and the audit say beside it, such as the facts that a rule saw.
    """
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            # The epic's row first, as the projection does, so that a decision and a checkpoint cannot wait for each other.
            await connection.execute(QUERIES["lock_epic_of_approval"], {"approval": approval_id})
            row = await decide_in(connection, approval_id, decision, told or {})
            if row is None:
                return None
    pool.announcer.announce(row["epic"])
    return row


async def decide_in(connection: Connection, approval_id: str, decision: Decision, told: Mapping[str, Any]) -> Row | None:
    """As `record_decision`, in the transaction at hand, which has locked the epic; its last deed, since it is audited."""
    asked = {
        "approval": approval_id,
        "status": STATUS_AFTER[decision.choice],
        "decision": decision.choice,
        "by": decision.by,
        "channel": decision.channel,
        "comment": decision.comment,
        "to": decision.to,
        "amount": decision.amount_usd,
    }
    row = await (await connection.execute(QUERIES["decide_approval"], asked)).fetchone()
    if row is None:
        return None
    await connection.execute(QUERIES["epic_decided"], {"epic": row["epic"]})
    if decision.choice is Choice.RAISE and row["scope"] in {"epic", "project"}:
        await raise_limit(connection, row["epic"], row["scope"], decision.amount_usd)
    who = {"by": decision.by, "channel": decision.channel}
    data = {"approval": approval_id, "gate": row["gate"], "decision": decision.choice, **who, **told}
    await add_events(connection, row["epic"], [{"type": "approval_decided", "data": data}])
    await hint(connection, row["epic"])
    await _audit(connection, row, decision, told)
    return row


async def _audit(connection: Connection, row: Row, decision: Decision, told: Mapping[str, Any]) -> None:
    data: dict[str, Any] = {"gate": row["gate"], "moment": row["moment"], "by": decision.by, **told}
    if decision.to is not None:
        data["to"] = decision.to
    if decision.amount_usd is not None:
        data["amount_usd"] = format(decision.amount_usd, "f")
    if decision.comment:
        # The words are with the approval; that they were these can be seen.
        data["comment_sha256"] = sha256(decision.comment.encode("utf-8", "replace")).hexdigest()
    if decision.by == IN_ADVANCE and (said := await (await connection.execute(QUERIES["who_said_yes"], row)).fetchone()) is not None:
        data["on_the_word_of"] = said
    subject: dict[str, str] = {"kind": "approval", "subject": row["id"], "epic": row["epic"], "content_hash": row["content_hash"]}
    await audited(connection, "decide", **subject, answer=decision.choice, data=data)


async def decision_for(pool: Pool, epic_id: str, moment: int) -> Row | None:
    """The approval that the gate at this moment opened, decided or not."""
    return await fetch_one(pool, "approval_at", {"epic": epic_id, "moment": moment})
