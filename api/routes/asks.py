"""Requests in free words: ask, list, show, choose who does a part, cancel."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from api.addresses import repository_in
from api.ask_schemas import AskCreate, ChoiceBody
from api.deps import CallerDep, Cursor, EngineDep, IdempotencyKey, Limit, ServingDep
from api.problems import problems
from api.schemas import CancelBody, Text
from api.strictness import PatientRoute, StrictRoute
from engine.routing.orders import Ask, with_ask_defaults
from engine.routing.views import AskView
from engine.views import Page
from epics.asks import AskStatus

asking = APIRouter(tags=["asks"], route_class=PatientRoute)
router = APIRouter(prefix="/asks", tags=["asks"], route_class=StrictRoute)

AskId = Annotated[str, Path(max_length=64, description="The id of a request; an unambiguous beginning is enough.")]

_HEADERS: Final[dict[str, Any]] = {
    "Location": {"description": "Where the request is.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {"description": "true where it had been taken before.", "schema": {"type": "string"}},
}
_TAKEN: Final[dict[str, Any]] = {"description": "The request, with who does which part of it.", "headers": _HEADERS}


@asking.post("/ask", status_code=202, response_model=AskView, responses={202: _TAKEN, **problems(404, 409, 413, 415)})
async def ask(body: AskCreate, engine: EngineDep, serving: ServingDep, idempotency_key: IdempotencyKey = None) -> Response:
    """Ask for something in free words: it is split into parts, and each goes to the agent that declares the skills for it."""
    asked = Ask(**{**dict(body), "repo": body.repo and repository_in(body.repo)})
    view, replayed = await engine.asks.ask(with_ask_defaults(asked, serving.settings), key=idempotency_key)
    headers = {"Location": f"/api/v1/asks/{view.id}", **({"Idempotency-Replayed": "true"} if replayed else {})}
    return Response(view.model_dump_json(), 202, headers=headers, media_type="application/json")


@router.get("", response_model=Page[AskView], responses=problems())
async def list_asks(
    engine: EngineDep,
    status: AskStatus | None = None,
    repo: Annotated[Text | None, Query(max_length=4_096)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AskView]:
    """List requests, the newest first."""
    return await engine.asks.page(status=status, repo=repo, limit=limit, cursor=cursor)


@router.get("/{id}", response_model=AskView, responses=problems(404))
async def show_ask(id: AskId, engine: EngineDep) -> AskView:  # noqa: A002  # the name in the path
    """Show a request: who does which part, with the scores, and when it has ended what came of it."""
    return await engine.asks.show(id)


@asking.post("/asks/{id}/choice", response_model=AskView, responses=problems(404, 409, 413, 415))
async def choose_agent(id: AskId, body: ChoiceBody, engine: EngineDep) -> AskView:  # noqa: A002
    """Say who does a part for which the scores did not tell; the request begins when each part has somebody."""
    return await engine.asks.choose(id, {body.part or 0: body.agent})


@router.post("/{id}/cancel", status_code=202, response_model=AskView, responses=problems(404, 409, 413, 415))
async def cancel_ask(id: AskId, engine: EngineDep, caller: CallerDep, body: CancelBody | None = None) -> AskView:  # noqa: A002
    """End a request with all that does a part of it."""
    return await engine.asks.cancel(id, by=caller.person, reason=body.reason if body else "")
