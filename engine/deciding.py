"""Decisions at gates: recorded once, turned into what the waiting node is told."""

from __future__ import annotations

from typing import Any

from db.connection import Database
from db.epics import Row, fetch_one
from db.votes import record_vote
from engine.approvals.eligibility import check_caller, check_eligible
from engine.reading import approval_view
from engine.views import ApprovalView
from epics.approvals import ApprovalStatus, Choice, Decision, check_decision
from epics.callers import GENIE, current_caller
from epics.errors import AlreadyDecided, Conflict, HistoryPruned, MomentNotFound, Superseded
from epics.steps import Step
from epics.votes import decision_with


async def decide(database: Database, approval_id: str, decision: Decision, content_hash: str | None = None) -> ApprovalView:
    """Record what the current caller decides on an approval; the first one wins, or the first so many where its terms want more people.

    Where others must say the same first, the approval comes back pending, with the votes so far.

    Raises:
        ApprovalNotFound: if there is none that the caller may read.
        Forbidden: if the caller may decide nothing on the repository.
        NotEligible: if the terms of the approval let others decide.
        InvalidInput: if the gate does not take it.
        MomentNotFound: if a rollback names a moment that the epic does not have.
        HistoryPruned: if it names one whose state was pruned.
        Conflict: if a rollback would forget that the work is merged.
        AlreadyVoted: if the caller has said the same before.
        AlreadyDecided: if somebody decided first; says who, what and when.
        Superseded: if the approval asks about what has changed since, is over, or `content_hash` is not what it asks about.
    """
    approval = await approval_view(database.pool, approval_id)
    caller = current_caller()
    check_caller(caller, approval)
    # One name for each person over all channels, whatever a face calls it; what runs in this process without a face says it itself.
    said = decision if caller == GENIE else decision.model_copy(update={"by": caller.person, "channel": caller.channel})
    check_decision(approval.gate, said)
    if approval.status is not ApprovalStatus.PENDING:
        _refuse(approval)
    check_eligible(caller, approval, said)
    if content_hash is not None and content_hash != approval.content_hash:
        message = f"approval {approval.id} asks about {approval.content_hash[:12]}, not about {content_hash[:12]}: look at it again"
        raise Superseded(message)
    if said.to is not None:
        await _check_moment(database, approval, said.to)
    quorum = approval.terms.quorum
    if not await record_vote(database.pool, approval.id, said, lambda votes: decision_with(said, votes, quorum)):
        _refuse(await approval_view(database.pool, approval.id))
    return await approval_view(database.pool, approval.id)


def decision_in(row: Row) -> Decision:
    """The decision that an approval's row holds."""
    return Decision.model_validate(
        {
            "choice": Choice(row["decision"]),
            "comment": row["comment"] or "",
            "by": row["decided_by"],
            "channel": row["channel"],
            "to": row["to_moment"],
            "amount_usd": row["amount_usd"],
        }
    )


def answer_for(gate: Step, decision: Decision, back: dict[str, Any] | None) -> dict[str, Any]:
    """What `interrupt()` returns in the gate's node; a failure gate also gets the state of the moment to go back to."""
    said = decision.model_dump(mode="json")
    return {"decision": said, "back": back} if gate is Step.FAILURE_GATE else said


async def _check_moment(database: Database, approval: ApprovalView, n: int) -> None:
    from db.reading import state_at  # noqa: PLC0415  # LangGraph takes long to import, and few decisions go back

    there = await fetch_one(database.pool, "moment", {"epic": approval.epic, "n": n})
    if there is None:
        message = f"epic {approval.epic} has no moment {n}; its newest is {approval.moment}"
        raise MomentNotFound(message)
    try:
        await state_at(database.pool, approval.epic, there["checkpoint_id"])
    except MomentNotFound as error:
        # Decided, the epic would stop at its gate for ever: the first decision is the only one.
        message = f"the state of moment {n} of epic {approval.epic} was pruned: see `genie time history {approval.epic}`"
        raise HistoryPruned(message) from error
    here = await fetch_one(database.pool, "moment", {"epic": approval.epic, "n": approval.moment})
    if here is not None and (await state_at(database.pool, approval.epic, here["checkpoint_id"])).revert is not None:
        # The gate would take the work back to there as if nothing of it had been merged.
        message = f"the work of epic {approval.epic} is merged: `genie time rollback {approval.epic} --to {n}` proposes to take it back"
        raise Conflict(message)


def _refuse(approval: ApprovalView) -> None:
    if approval.decision is not None and approval.decided_at is not None:
        raise AlreadyDecided(
            approval.id, approval.decision, approval.decided_by or "somebody", approval.decided_at.isoformat(timespec="seconds")
        )
    if approval.status is ApprovalStatus.SUPERSEDED:
        message = f"approval {approval.id} was superseded: what it asked about has changed, see `genie approval list`"
        raise Superseded(message)
    message = f"approval {approval.id} is {approval.status} and takes no decision any more"
    raise Superseded(message)
