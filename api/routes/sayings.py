"""What people say to the agent of an epic."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import CallerDep, EngineDep, EpicId
from api.problems import problems
from api.schemas import SayBody
from api.strictness import StrictRoute
from engine.views import Page, SayingView

router = APIRouter(prefix="/epics/{id}", tags=["epics"], route_class=StrictRoute)


@router.post("/say", status_code=202, response_model=SayingView, responses=problems(404, 409, 413, 415))
async def say(id: EpicId, body: SayBody, engine: EngineDep, caller: CallerDep) -> SayingView:  # noqa: A002  # the name in the path
    """Say something to the epic's agent, which is told with its next call; if none is at work, the next one is told in its brief."""
    return await engine.say(id, body.text, by=caller.person, channel=caller.channel)


@router.get("/sayings", response_model=Page[SayingView], responses=problems(404))
async def list_sayings(id: EpicId, engine: EngineDep) -> Page[SayingView]:  # noqa: A002
    """List what was said to the epic's agents, and which turn was the first to tell it."""
    return Page[SayingView](items=await engine.sayings(id))
