"""Going back: rollback, undo, fork."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from api.deps import CallerDep, EngineDep, EpicId
from api.problems import problems
from api.schemas import ForkBody, RollbackBody, UndoBody
from api.strictness import PatientRoute
from engine.time_machine.orders import Fork, GoBack
from engine.time_machine.rollback_views import RollbackView
from engine.views import EpicView

router = APIRouter(prefix="/epics/{id}", tags=["time machine"], route_class=PatientRoute)

WAIT_S: Final = 2.0
"""How long a request waits for the worker that has the epic; it does what was asked also when nobody waits for it any more."""

_ASKED: Final[dict[int | str, dict[str, Any]]] = {
    202: {"model": RollbackView, "description": "Asked of the worker that has the epic; it does so as soon as it can stop."}
}


@router.post("/rollback", response_model=RollbackView, responses={**_ASKED, **problems(404, 409, 410, 413, 415, 502)})
async def roll_back(id: EpicId, body: RollbackBody, engine: EngineDep, caller: CallerDep, response: Response) -> RollbackView:  # noqa: A002  # the name in the path
    """Take an epic back to a moment: a new moment on a new branch; it is paused until somebody resumes it. Nothing is deleted."""
    asked = GoBack(by=caller.person, to=body.to, level=body.level, guidance=body.guidance)
    view = await engine.roll_back(id, asked, dry_run=body.dry_run, wait_s=WAIT_S)
    response.status_code = 202 if view.done == "asked" else 200
    return view


@router.post("/undo", response_model=RollbackView, responses={**_ASKED, **problems(404, 409, 410, 413, 415, 502)})
async def undo(id: EpicId, engine: EngineDep, caller: CallerDep, response: Response, body: UndoBody | None = None) -> RollbackView:  # noqa: A002
    """Take the last rollback back; undone again, it counts again."""
    view = await engine.roll_back(id, GoBack(by=caller.person, undo=True), dry_run=body.dry_run if body else False, wait_s=WAIT_S)
    response.status_code = 202 if view.done == "asked" else 200
    return view


@router.post("/fork", status_code=202, response_model=EpicView, responses=problems(404, 409, 410, 413, 415, 502))
async def fork(id: EpicId, body: ForkBody, engine: EngineDep, caller: CallerDep, response: Response) -> EpicView:  # noqa: A002
    """Make a new epic from a moment of this one, which is not touched; the fork is paused until somebody resumes it."""
    asked = Fork(
        at=body.at,
        by=caller.person,
        guidance=body.guidance,
        budget_usd=body.budget_usd,
        executor=body.executor,
        model=body.model,
        autonomy=body.autonomy,
        labels=dict(body.labels),
    )
    view = await engine.fork(id, asked)
    response.headers["Location"] = f"/api/v1/epics/{view.id}"
    return view
