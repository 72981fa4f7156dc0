"""The HTTP application: its routes, and what is around them."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

from api.envelope import Envelope
from api.errors import handle_errors
from api.metrics import Metrics
from api.problems import Problem
from api.routes import agents, approvals, epics, events, history, hooks, names, probes, races, runs, sayings, time_machine, workers
from api.serving import Serving

DISTRIBUTION: Final = "genie-orchestrator"
ROOT: Final = "/api/v1"


def create_app(serving: Serving) -> ASGIApp:
    """The application of one server.

    Args:
        serving: what its routes work on.
    """
    metrics = Metrics()
    return Envelope(create_api(serving, metrics), hosts=serving.hosts, metrics=metrics)


def create_api(serving: Serving, metrics: Metrics) -> FastAPI:
    """The routes, without what is around them."""
    app = FastAPI(
        title="Genie",
        version=version(DISTRIBUTION),
        openapi_url=f"{ROOT}/openapi.json",
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.serving = serving
    app.state.metrics = metrics
    for router in (epics.starting, epics.router, history.router, history.comparing, events.router, approvals.router, workers.router):
        app.include_router(router, prefix=ROOT)
    app.include_router(names.router, prefix=ROOT)
    app.include_router(sayings.router, prefix=ROOT)
    app.include_router(time_machine.router, prefix=ROOT)
    app.include_router(races.router, prefix=ROOT)
    for router in (agents.router, agents.waiting, runs.router):
        app.include_router(router, prefix=ROOT)
    app.include_router(races.picking, prefix=ROOT)
    app.include_router(probes.router)
    app.include_router(hooks.router)
    handle_errors(app)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]  # FastAPI's own way to extend it
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, once made, with the one schema that no route names as its model."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        nested = schema.pop("$defs", {})
        document["components"]["schemas"] |= {"Problem": schema, **nested}
        app.openapi_schema = document
    return app.openapi_schema
