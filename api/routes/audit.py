"""The audit: who did what."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from api.deps import Cursor, EngineDep, Limit
from api.problems import problems
from api.schemas import Text
from api.strictness import StrictRoute
from engine.audit import AuditFilter
from engine.audit_views import AuditView
from engine.views import Page

router = APIRouter(prefix="/audit", tags=["audit"], route_class=StrictRoute)

Word = Annotated[Text | None, Query(max_length=200)]
Time = Annotated[AwareDatetime | None, Query(description="With its zone, as RFC 3339 has it.")]


@router.get("", response_model=Page[AuditView], responses=problems())
async def list_audit(  # noqa: PLR0913  # each is a filter of the address
    engine: EngineDep,
    *,
    person: Word = None,
    epic: Word = None,
    deed: Word = None,
    kind: Word = None,
    since: Time = None,
    until: Time = None,
    refused: Annotated[bool, Query(description="Only what was refused.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AuditView]:
    """List who did what, the newest first. The rows are those of `genie audit`, each with its hash."""
    asked = AuditFilter(person=person, epic=epic, deed=deed, kind=kind, since=since, until=until, refused=refused)
    return await engine.audit.page(asked, limit=limit, cursor=cursor)
