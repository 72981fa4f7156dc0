"""Names of moments: given and taken away."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import CallerDep, EngineDep, EpicId, NumberInPath
from api.problems import problems
from api.schemas import NameBody
from api.strictness import StrictRoute
from engine.views import MomentView

router = APIRouter(prefix="/epics/{id}/moments/{n}/name", tags=["history"], route_class=StrictRoute)


@router.put("", response_model=MomentView, responses=problems(404, 409, 410, 413, 415))
async def name_moment(id: EpicId, n: NumberInPath, body: NameBody, engine: EngineDep, caller: CallerDep) -> MomentView:  # noqa: A002  # the name in the path
    """Give a moment a name, in place of any that it has: retention keeps what has one."""
    return await engine.mark(id, n, body.name, by=caller.person)


@router.delete("", response_model=MomentView, responses=problems(404, 409))
async def unname_moment(id: EpicId, n: NumberInPath, engine: EngineDep, caller: CallerDep) -> MomentView:  # noqa: A002
    """Take a moment's name away, if it has one."""
    return await engine.mark(id, n, None, by=caller.person)
