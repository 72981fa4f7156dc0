"""Races: the attempts of an epic side by side, and which of them is picked."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import CallerDep, EngineDep, EpicId
from api.problems import problems
from api.schemas import PickBody
from api.strictness import PatientRoute, StrictRoute
from engine.time_machine.race_views import Picked, Race

router = APIRouter(prefix="/epics/{id}", tags=["time machine"], route_class=StrictRoute)
picking = APIRouter(prefix="/epics/{id}", tags=["time machine"], route_class=PatientRoute)


@router.get("/race", response_model=Race, responses=problems(404, 409))
async def show_race(id: EpicId, engine: EngineDep) -> Race:  # noqa: A002  # the name in the path
    """Show the attempts of an epic that was started with several, side by side, with their scores; 409 where it has no race."""
    return await engine.race(id)


@picking.post("/pick", response_model=Picked, responses=problems(404, 409, 410, 413, 415, 502))
async def pick(id: EpicId, body: PickBody, engine: EngineDep, caller: CallerDep) -> Picked:  # noqa: A002
    """Take the work of one attempt for the epic, which is paused then until somebody resumes it; the others stay as they are, and end."""
    return await engine.pick(id, body.fork, by=caller.person)
