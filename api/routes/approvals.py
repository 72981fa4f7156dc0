"""Approvals: what waits for a person, and the one decision on each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import ApprovalId, CallerDep, Cursor, EngineDep, Limit
from api.problems import problems
from api.routes.epics import CHANNEL
from api.schemas import DecisionBody, Text
from api.strictness import StrictRoute
from engine.views import ApprovalView, GateContent, Page
from epics.approvals import ApprovalStatus, Decision

router = APIRouter(prefix="/approvals", tags=["approvals"], route_class=StrictRoute)


@router.get("", response_model=Page[ApprovalView], responses=problems(404))
async def list_approvals(
    engine: EngineDep,
    status: ApprovalStatus | None = None,
    epic: Annotated[Text | None, Query(max_length=64)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    *,
    mine: Annotated[bool, Query(description="Only those that wait for who asks.")] = False,
) -> Page[ApprovalView]:
    """List approvals, the newest first; with `mine`, those that wait for who asks."""
    return await engine.approval_page(status=status, epic=epic, limit=limit, cursor=cursor, mine=mine)


@router.get("/{id}", response_model=ApprovalView, responses=problems(404))
async def show_approval(id: ApprovalId, engine: EngineDep) -> ApprovalView:  # noqa: A002  # the name in the path
    """Show an approval."""
    return await engine.approval(id)


@router.get("/{id}/content", response_model=GateContent, responses=problems(404, 502))
async def show_content(id: ApprovalId, engine: EngineDep) -> GateContent:  # noqa: A002
    """Show all that the person who decides needs to see: plan, design, diff, test report, failure or limit."""
    return await engine.gate_content(id)


@router.post("/{id}/decision", response_model=ApprovalView, responses=problems(404, 409, 410, 413, 415))
async def decide(id: ApprovalId, body: DecisionBody, engine: EngineDep, caller: CallerDep) -> ApprovalView:  # noqa: A002
    """Decide. The first decision counts; every further one is told who decided what, and when.

    Where the approval needs more people, it comes back pending, with the votes so far.
    """
    decision = Decision(
        choice=body.decision, comment=body.comment, by=caller.person, channel=CHANNEL, to=body.to, amount_usd=body.amount_usd
    )
    return await engine.decide(id, decision, body.content_hash)
