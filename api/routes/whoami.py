"""Who asks, as this server sees it."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import CallerDep
from api.problems import problems
from api.strictness import StrictRoute
from engine.access.views import WhoView

router = APIRouter(tags=["access"], route_class=StrictRoute)


@router.get("/whoami", response_model=WhoView, responses=problems())
async def whoami(caller: CallerDep) -> WhoView:
    """Show who asks: the person, by which key or token, and the roles that hold for it."""
    return WhoView(person=caller.person, channel=caller.channel, via=caller.via, grants=caller.grants, groups=caller.groups)
