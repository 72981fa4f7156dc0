"""Epics: start, list, show, resume, cancel."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from api.addresses import repository_in
from api.deps import CallerDep, Cursor, EngineDep, EpicId, IdempotencyKey, Limit, ServingDep
from api.problems import problems
from api.schemas import CancelBody, EpicCreate, ResumeBody, StatusName, Text
from api.strictness import PatientRoute, StrictRoute
from config.settings import Settings
from engine.starting import StartEpic, with_defaults
from engine.views import EpicView, Page

router = APIRouter(prefix="/epics", tags=["epics"], route_class=StrictRoute)
starting = APIRouter(prefix="/epics", tags=["epics"], route_class=PatientRoute)

CHANNEL: Final = "http"

_HEADERS: Final[dict[str, Any]] = {
    "Location": {"description": "Where the epic is.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {"description": "true where the epic had been started before.", "schema": {"type": "string"}},
}


@starting.post(
    "",
    status_code=202,
    response_model=EpicView,
    responses={202: {"description": "The epic, queued for the workers.", "headers": _HEADERS}, **problems(409, 413, 415)},
)
async def start_epic(body: EpicCreate, engine: EngineDep, serving: ServingDep, idempotency_key: IdempotencyKey = None) -> Response:
    """Start an epic. With an `Idempotency-Key`, repeating the request starts nothing twice; what was refused is not remembered."""
    order = order_of(body, serving.settings)
    if idempotency_key is None:
        view = await engine.start(order)
        return _accepted(view.id, view.model_dump_json(), replayed=False)
    started = await engine.start_once(order, idempotency_key)
    return _accepted(started.epic_id, started.json, replayed=started.replayed)


@router.get("", response_model=Page[EpicView], responses=problems())
async def list_epics(
    engine: EngineDep,
    status: StatusName | None = None,
    repo: Annotated[Text | None, Query(max_length=4_096)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EpicView]:
    """List epics, the newest first."""
    return await engine.epics(status=status, repo=repo, limit=limit, cursor=cursor)


@router.get("/{id}", response_model=EpicView, responses=problems(404))
async def show_epic(id: EpicId, engine: EngineDep) -> EpicView:  # noqa: A002  # the name in the path
    """Show an epic."""
    return await engine.epic(id)


@router.post("/{id}/resume", status_code=202, response_model=EpicView, responses=problems(404, 409, 413, 415))
async def resume_epic(id: EpicId, engine: EngineDep, caller: CallerDep, body: ResumeBody | None = None) -> EpicView:  # noqa: A002
    """Make a paused epic runnable again; workers carry it on."""
    return await engine.resume(id, auto_approve=body.auto_approve if body else None, by=caller.person)


@router.post("/{id}/cancel", status_code=202, response_model=EpicView, responses=problems(404, 409, 413, 415))
async def cancel_epic(id: EpicId, engine: EngineDep, caller: CallerDep, body: CancelBody | None = None) -> EpicView:  # noqa: A002
    """End an epic; its branches and moments stay. One that is at work ends as soon as its worker hears of it."""
    return await engine.cancel(id, by=caller.person, reason=body.reason if body else "")


def order_of(body: EpicCreate, settings: Settings) -> StartEpic:
    """What the engine is asked for; what the client left out is as the server's settings say."""
    asked = StartEpic(
        goal=body.goal,
        repo=repository_in(body.repo),
        base=body.base,
        budget_usd=body.budget_usd,
        executor=body.executor,
        model=body.model,
        autonomy=body.autonomy,
        auto_approve=body.auto_approve,
        labels=dict(body.labels),
        attempts=body.attempts,
    )
    return with_defaults(asked, settings)


def _accepted(epic_id: str, json: str, *, replayed: bool) -> Response:
    headers = {"Location": f"/api/v1/epics/{epic_id}", **({"Idempotency-Replayed": "true"} if replayed else {})}
    return Response(json, 202, headers=headers, media_type="application/json")
