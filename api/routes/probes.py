"""What machines ask a server: is it alive, can it serve, what has it counted."""

from __future__ import annotations

from typing import Final, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict
from starlette.responses import PlainTextResponse

from api.deps import MetricsDep, ServingDep
from api.patience import within
from api.problems import problems
from api.serving import Serving
from api.strictness import StrictRoute
from epics.errors import GenieError

router = APIRouter(tags=["probes"], route_class=StrictRoute)

ANSWER_S: Final = 3.0
ROOM_BYTES: Final = 200_000_000
_PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"


class Health(BaseModel):
    """That the process is alive."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["alive"] = "alive"


class Part(BaseModel):
    """One thing that serving depends on; without a needed one nothing can be served."""

    model_config = ConfigDict(extra="forbid")

    ok: bool
    needed: bool
    detail: str


class Readiness(BaseModel):
    """Whether requests can be served, part by part."""

    model_config = ConfigDict(extra="forbid")

    ready: bool
    parts: dict[str, Part]


@router.get("/health", response_model=Health)
async def health() -> Health:
    """Say that the process is alive."""
    return Health()


@router.get(
    "/ready",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Requests cannot be served at the moment."}},
)
async def ready(serving: ServingDep, response: Response) -> Readiness:
    """Say whether requests can be served, and if not, for lack of what."""
    parts = await _parts(serving)
    is_ready = all(part.ok for part in parts.values() if part.needed)
    if not is_ready:
        response.status_code = 503
        response.headers["Retry-After"] = "2"
    return Readiness(ready=is_ready, parts=parts)


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus text."}, **problems()},
)
async def metrics(serving: ServingDep, counted: MetricsDep) -> Response:
    """Give the figures of this server, and those of the database."""
    followers = serving.news.followers if serving.news else 0
    return Response(await counted.text(serving.engine_or_none, followers), media_type=_PROMETHEUS)


async def _parts(serving: Serving) -> dict[str, Part]:
    engine, news = serving.engine_or_none, serving.news
    if engine is None or news is None:
        return {"database": Part(ok=False, needed=True, detail=serving.trouble)}
    try:
        fault = await within(ANSWER_S, engine.fault())
        standing = await within(ANSWER_S, engine.standing()) if fault is None else None
        known = await within(ANSWER_S, engine.knowledge.standing()) if fault is None else None
    except GenieError as error:
        fault, standing, known = str(error), None, None
    if standing is None or known is None:
        return {"database": Part(ok=False, needed=True, detail=fault or "")}
    free = engine.free_bytes()
    listens = "hears of new events at once" if news.is_listening else "looks for new events every second"
    seen = f"{standing.workers} with a fresh sign of life; {standing.queue} epics in the queue"
    return {
        "database": Part(ok=True, needed=True, detail="answers"),
        "schema": Part(ok=True, needed=True, detail="is the one of this release"),
        "workers": Part(ok=standing.workers > 0, needed=False, detail=seen),
        "disk": Part(ok=free > ROOM_BYTES, needed=False, detail=f"{free / 1e9:.1f} GB free"),
        "knowledge": Part(ok=known.ok, needed=False, detail=known.detail),
        "events": Part(ok=news.is_listening, needed=False, detail=listens),
    }
