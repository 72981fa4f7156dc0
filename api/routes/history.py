"""The past of an epic, read: moments, differences, costs, attempts and what their agents said."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Cursor, EngineDep, EpicId, NumberInPath
from api.problems import problems
from api.schemas import LARGEST_INT
from api.strictness import PatientRoute, StrictRoute
from engine.history import MOMENTS_OF_A_PAGE
from engine.history_views import CostsView, DiffView, TurnView
from engine.time_machine.comparison_views import Comparison
from engine.time_machine.moment_views import MomentDetail
from engine.views import AttemptView, MomentView, Page, SetupView

router = APIRouter(prefix="/epics/{id}", tags=["history"], route_class=StrictRoute)
comparing = APIRouter(prefix="/epics/{id}", tags=["history"], route_class=PatientRoute)

MomentNumber = Annotated[int | None, Query(ge=0, le=LARGEST_INT)]


@router.get("/moments", response_model=Page[MomentView], responses=problems(404))
async def list_moments(
    id: EpicId,  # noqa: A002  # the name in the path
    engine: EngineDep,
    limit: Annotated[int, Query(ge=1, le=MOMENTS_OF_A_PAGE, description="How many at most.")] = MOMENTS_OF_A_PAGE,
    cursor: Cursor = None,
) -> Page[MomentView]:
    """List the moments of an epic in rising order; the last is where it is."""
    return await engine.moment_page(id, limit=limit, cursor=cursor)


@comparing.get("/moments/{n}", response_model=MomentDetail, responses=problems(404))
async def show_moment(id: EpicId, n: NumberInPath, engine: EngineDep) -> MomentDetail:  # noqa: A002
    """Show one moment: its record, the state, what was asked and decided, the attempt, the files, and what became of it."""
    return await engine.moment(id, n)


@comparing.get("/diff", response_model=DiffView, responses=problems(404, 502))
async def show_diff(
    id: EpicId,  # noqa: A002
    engine: EngineDep,
    begin: Annotated[MomentNumber, Query(alias="from", description="0, or left out: where the epic began.")] = None,
    end: Annotated[MomentNumber, Query(alias="to", description="Left out: the newest moment.")] = None,
) -> DiffView:
    """Show what changed between two moments; without any, all that the epic has changed so far."""
    return await engine.diff(id, begin=begin, end=end)


@comparing.get("/compare", response_model=Comparison, responses=problems(404, 502))
async def show_comparison(
    id: EpicId,  # noqa: A002
    engine: EngineDep,
    other: Annotated[str, Query(alias="with", max_length=64, description="The other epic; an unambiguous beginning of its id is enough.")],
    *,
    diff: Annotated[bool, Query(description="Whether the text of what differs between their heads is wanted too.")] = False,
) -> Comparison:
    """Show two epics of one repository side by side: what each did since they parted, and what came of it."""
    return await engine.compare(id, other, with_diff=diff)


@router.get("/costs", response_model=CostsView, responses=problems(404))
async def show_costs(id: EpicId, engine: EngineDep) -> CostsView:  # noqa: A002
    """Show what an epic cost, by attempt and model."""
    return await engine.costs(id)


@router.get("/attempts", response_model=Page[AttemptView], responses=problems(404))
async def list_attempts(id: EpicId, engine: EngineDep) -> Page[AttemptView]:  # noqa: A002
    """List the attempts of an epic in rising order."""
    return Page[AttemptView](items=await engine.attempts(id))


@router.get("/attempts/{n}/setup", response_model=SetupView, responses=problems(404))
async def show_setup(id: EpicId, n: NumberInPath, engine: EngineDep) -> SetupView:  # noqa: A002
    """Show what came of making the work tree of an attempt ready: what was borrowed, and what the setup command said."""
    return await engine.setup_log(id, n)


@router.get("/attempts/{n}/log", response_model=Page[TurnView], responses=problems(404, 410))
async def show_log(id: EpicId, n: NumberInPath, engine: EngineDep) -> Page[TurnView]:  # noqa: A002
    """Show what the agent of an attempt said and did, turn by turn."""
    return Page[TurnView](items=tuple(TurnView.model_validate(turn) for turn in await engine.attempt_log(id, n)))
