"""The rows of votes: what each person says about an approval, and the decision that comes of it in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from db.approvals import decide_in
from db.audit import audited
from db.connection import Connection, Pool
from db.deadlines import expire_in
from db.epics import Row
from db.failures import foreseen
from db.fence import add_events
from db.queries import QUERIES
from epics.approvals import ApprovalStatus, Decision
from epics.votes import Vote

Settle = Callable[[Sequence[Vote]], Decision | None]
"""What comes of what is said now, beside what was said before; it raises what speaks against saying it at all."""


async def record_vote(pool: Pool, approval_id: str, said: Decision, settle: Settle) -> bool:
    """Keep what a person says about an approval, and decide it if that is enough; False, and nothing is kept, if it was decided before.

    Args:
        pool: connections to the database.
        approval_id: the approval.
        said: what this person says.
        settle: what comes of it; called while nobody else can vote.

    Raises:
        GenieError: what `settle` raised; nothing is kept.
    """
    with foreseen():
        async with pool.connection() as connection, connection.transaction():
            # The epic's row first, as everybody does who decides: so votes are counted one after the other.
            await connection.execute(QUERIES["lock_epic_of_approval"], {"approval": approval_id})
            row = await (await connection.execute(QUERIES["open_approval"], {"approval": approval_id})).fetchone()
            if row is None:
                return False
            taken = await _take(connection, row, said, settle)
    pool.announcer.announce(row["epic"])
    return taken


async def _take(connection: Connection, row: Row, said: Decision, settle: Settle) -> bool:
    if row["status"] != ApprovalStatus.PENDING:
        return False
    if row["is_over"]:
        # Nobody may have looked since: whoever comes late ends it.
        await expire_in(connection, row["id"])
        return False
    decision = settle([Vote.model_validate(vote) for vote in row["votes"]])
    vote = {"approval": row["id"], "person": said.by, "choice": said.choice, "comment": said.comment, "channel": said.channel}
    await connection.execute(QUERIES["put_vote"], {**vote, "to": said.to, "amount": said.amount_usd})
    if decision is not None:
        votes = [vote["person"] for vote in row["votes"] if vote["person"] != said.by]
        await decide_in(connection, row["id"], decision, {"voters": [*votes, said.by]} if votes else {})
        return True
    await _tell(connection, row, said)
    return True


async def _tell(connection: Connection, row: Row, said: Decision) -> None:
    same = [vote["person"] for vote in row["votes"] if vote["person"] != said.by and _says_as(vote, said)]
    needed = row["terms"].get("quorum", 1)
    told: dict[str, Any] = {"choice": said.choice, "by": said.by, "channel": said.channel, "votes": len(same) + 1, "needed": needed}
    if said.to is not None:
        told["to"] = said.to
    if said.amount_usd is not None:
        told["amount_usd"] = format(said.amount_usd, "f")
    data = {"approval": row["id"], "gate": row["gate"], **told}
    await add_events(connection, row["epic"], [{"type": "approval_voted", "data": data}])
    subject: dict[str, str] = {"kind": "approval", "subject": row["id"], "epic": row["epic"], "content_hash": row["content_hash"]}
    await audited(connection, "vote", **subject, answer=said.choice, data={"gate": row["gate"], **told})


def _says_as(vote: Row, said: Decision) -> bool:
    return Vote.model_validate(vote).says_as(said)
