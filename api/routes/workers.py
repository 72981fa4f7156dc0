"""Workers: who runs epics."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import EngineDep
from api.problems import problems
from api.strictness import StrictRoute
from engine.views import Page, WorkerView

router = APIRouter(prefix="/workers", tags=["workers"], route_class=StrictRoute)


@router.get("", response_model=Page[WorkerView], responses=problems())
async def list_workers(engine: EngineDep) -> Page[WorkerView]:
    """List the workers that were heard of in the last day, those that live first."""
    return Page[WorkerView](items=await engine.workers())
