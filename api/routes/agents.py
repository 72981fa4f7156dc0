"""Agents of both kinds, workflows and those written in Python: list, show, and run one without an epic."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from api.addresses import repository_in
from api.deps import EngineDep, IdempotencyKey, ServingDep
from api.problems import problems
from api.run_schemas import LONGEST_WAIT_S, RunCreate, RunNow
from api.schemas import Text
from api.strictness import PatientRoute
from config.settings import Settings
from engine.engine import Engine
from engine.routing.views import Reset
from engine.runs.orders import StartRun, with_run_defaults
from engine.runs.views import RunView
from engine.views import Page
from engine.workflow_views import WorkflowView
from epics.runs import RUN_ENDED


class WaitingRoute(PatientRoute):
    """A route that waits for a run for a while, after git has looked at its repository."""

    seconds: ClassVar[float] = PatientRoute.seconds + LONGEST_WAIT_S


router = APIRouter(prefix="/agents", tags=["agents"], route_class=PatientRoute)
waiting = APIRouter(prefix="/agents", tags=["agents"], route_class=WaitingRoute)

WorkflowName = Annotated[str, Path(max_length=64, description="The name of a workflow, or of an agent written in Python.")]
OfRepository = Annotated[
    Text | None, Query(max_length=4_096, description="Also those of this repository's base branch: a git URL or an absolute path.")
]

_HEADERS: Final[dict[str, Any]] = {
    "Location": {"description": "Where the run is.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {"description": "true where the run had been started before.", "schema": {"type": "string"}},
}
_QUEUED: Final[dict[str, Any]] = {"description": "The run, not ended yet.", "model": RunView, "headers": _HEADERS}


@router.get("", response_model=Page[WorkflowView], responses=problems())
async def list_agents(engine: EngineDep, repo: OfRepository = None) -> Page[WorkflowView]:
    """List the workflows and the agents written in Python, the broken ones with their error."""
    return Page[WorkflowView](items=await engine.runs.workflows(repo and repository_in(repo)))


@router.get("/{name}", response_model=WorkflowView, responses=problems(404))
async def show_agent(name: WorkflowName, engine: EngineDep, repo: OfRepository = None) -> WorkflowView:
    """Show a workflow, or an agent written in Python."""
    return await engine.runs.workflow(name, repo and repository_in(repo))


@waiting.post(
    "/{name}/run",
    response_model=RunView,
    responses={200: {"description": "The run, ended.", "headers": _HEADERS}, 202: _QUEUED, **problems(404, 409, 413, 415)},
)
async def run_agent(
    name: WorkflowName, body: RunNow, engine: EngineDep, serving: ServingDep, idempotency_key: IdempotencyKey = None
) -> Response:
    """Run a workflow or an agent, and wait for its end for a while: 200 with what came of it, else 202 with a run to look after."""
    run_id, _, replayed = await _started(engine, order_of(name, body, serving.settings), idempotency_key)
    run = await engine.runs.wait(run_id, seconds=body.wait_s, stopping=serving.stopping)
    return _told(run.id, run.model_dump_json(), 200 if run.status in RUN_ENDED else 202, replayed=replayed)


@router.post(
    "/{name}/run/async",
    status_code=202,
    response_model=RunView,
    responses={202: {**_QUEUED, "description": "The run, queued for the workers."}, **problems(404, 409, 413, 415)},
)
async def run_agent_async(
    name: WorkflowName, body: RunCreate, engine: EngineDep, serving: ServingDep, idempotency_key: IdempotencyKey = None
) -> Response:
    """Run a workflow or an agent; `GET /runs/{id}` tells how far it is. It outlives this server and its workers."""
    run_id, json, replayed = await _started(engine, order_of(name, body, serving.settings), idempotency_key)
    return _told(run_id, json, 202, replayed=replayed)


@router.post("/{name}/reset", response_model=Reset, responses=problems())
async def reset_agent(name: WorkflowName, engine: EngineDep) -> Reset:
    """Use an agent again at once that is left out for a while because it kept failing."""
    return Reset(agent=name, was_left_out=await engine.asks.reset(name))


def order_of(name: str, body: RunCreate, settings: Settings) -> StartRun:
    """What the engine is asked for; what the client left out is as the server's settings say."""
    asked = StartRun(
        workflow=name,
        repo=repository_in(body.repo) if body.repo is not None else "",
        task=body.task if body.message is None else body.message,
        session=body.session,
        base=body.base,
        at=body.at,
        variables=dict(body.variables),
        budget_usd=body.budget_usd,
        executor=body.executor,
        model=body.model,
        labels=dict(body.labels),
    )
    return with_run_defaults(asked, settings)


async def _started(engine: Engine, order: StartRun, key: str | None) -> tuple[str, str, bool]:
    """The id of the run, it as it was at its start, and whether it had been started before."""
    if key is None:
        run = await engine.runs.start(order)
        return run.id, run.model_dump_json(), False
    started = await engine.runs.start_once(order, key)
    return started.epic_id, started.json, started.replayed


def _told(run_id: str, json: str, status: int, *, replayed: bool) -> Response:
    headers = {"Location": f"/api/v1/runs/{run_id}", **({"Idempotency-Replayed": "true"} if replayed else {})}
    return Response(json, status, headers=headers, media_type="application/json")
