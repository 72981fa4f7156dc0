"""What routes are given."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request

from api.metrics import Metrics
from api.schemas import LARGEST_INT
from api.serving import Serving
from engine.engine import Engine
from epics.callers import Caller, current_caller


def serving_of(request: Request) -> Serving:
    """The state of this server."""
    serving: Serving = request.app.state.serving
    return serving


def engine_of(serving: Annotated[Serving, Depends(serving_of)]) -> Engine:
    """The engine, or a 503 while there is none."""
    return serving.engine


async def caller_of() -> Caller:
    """Who asks; the layer around the app has found out."""
    return current_caller()


def metrics_of(request: Request) -> Metrics:
    """The figures of this server."""
    metrics: Metrics = request.app.state.metrics
    return metrics


CallerDep = Annotated[Caller, Depends(caller_of)]
MetricsDep = Annotated[Metrics, Depends(metrics_of)]
ServingDep = Annotated[Serving, Depends(serving_of)]
EngineDep = Annotated[Engine, Depends(engine_of)]

EpicId = Annotated[str, Path(max_length=64, description="The id of an epic; an unambiguous beginning is enough.")]
ApprovalId = Annotated[
    str, Path(max_length=64, description="The id of an approval, or of an epic that waits; an unambiguous beginning is enough.")
]
NumberInPath = Annotated[int, Path(ge=1, le=LARGEST_INT)]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="What `next` of an earlier page said.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="Names this request: repeated within 24 hours, it is given the first answer again and nothing is started twice.",
    ),
]
