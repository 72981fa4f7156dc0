"""Runs of single workflows: list, show, follow, cancel."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import CallerDep, Cursor, EngineDep, Limit
from api.problems import problems
from api.schemas import LARGEST_INT, CancelBody, Text
from api.strictness import StrictRoute
from engine.history_views import TurnView
from engine.runs.views import RunView
from engine.views import EventView, Page
from epics.runs import RunStatus

router = APIRouter(prefix="/runs", tags=["runs"], route_class=StrictRoute)

RunId = Annotated[str, Path(max_length=64, description="The id of a run; an unambiguous beginning is enough.")]


@router.get("", response_model=Page[RunView], responses=problems())
async def list_runs(
    engine: EngineDep,
    status: RunStatus | None = None,
    repo: Annotated[Text | None, Query(max_length=4_096)] = None,
    workflow: Annotated[Text | None, Query(max_length=64)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RunView]:
    """List runs, the newest first."""
    return await engine.runs.page(status=status, repo=repo, workflow=workflow, limit=limit, cursor=cursor)


@router.get("/{id}", response_model=RunView, responses=problems(404))
async def show_run(id: RunId, engine: EngineDep) -> RunView:  # noqa: A002  # the name in the path
    """Show a run: how far it is, and when it has ended what came of it."""
    return await engine.runs.show(id)


@router.post("/{id}/cancel", status_code=202, response_model=RunView, responses=problems(404, 409, 413, 415))
async def cancel_run(id: RunId, engine: EngineDep, caller: CallerDep, body: CancelBody | None = None) -> RunView:  # noqa: A002
    """End a run; one that is at work ends as soon as its worker hears of it."""
    return await engine.runs.cancel(id, by=caller.person, reason=body.reason if body else "")


@router.get("/{id}/events", response_model=Page[EventView], responses=problems(404))
async def list_run_events(
    id: RunId,  # noqa: A002
    engine: EngineDep,
    after: Annotated[int, Query(ge=0, le=LARGEST_INT, description="Only events after this one.")] = 0,
    limit: Annotated[int, Query(ge=1, le=500, description="How many at most.")] = 200,
) -> Page[EventView]:
    """List what has happened in a run, in order; `next` is the `after` of the following part."""
    events = await engine.runs.events(id, after=after, limit=limit)
    return Page[EventView](items=events, next=str(events[-1].id) if len(events) == limit else None)


@router.get("/{id}/log", response_model=Page[TurnView], responses=problems(404))
async def show_run_log(id: RunId, engine: EngineDep) -> Page[TurnView]:  # noqa: A002
    """Show what the agent of a run said and did, turn by turn."""
    return Page[TurnView](items=tuple(TurnView.model_validate(turn) for turn in await engine.runs.log(id)))
