"""The HTTP application: its routes, and what is around them."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

from fastapi import Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

from api.envelope import Envelope
from api.errors import handle_errors
from api.guard import Guard, is_open
from api.mcp_alone import McpAlone
from api.metrics import Metrics
from api.permitted import Permits
from api.problems import Problem
from api.routes import (
    agents,
    approvals,
    asks,
    audit,
    epics,
    events,
    history,
    hooks,
    keys,
    knowledge,
    mcp,
    memories,
    names,
    probes,
    prompts,
    races,
    runs,
    sayings,
    sessions,
    slack,
    time_machine,
    tools,
    whoami,
    workers,
)
from api.serving import Serving

DISTRIBUTION: Final = "genie-orchestrator"
ROOT: Final = "/api/v1"

_SCHEME: Final = "key"
_BEARER: Final = "A key as `genie key create` prints it, or a token, as `Authorization: Bearer …`; never in the address."


def create_app(serving: Serving) -> ASGIApp:
    """The application of one server.

    Args:
        serving: what its routes work on.
    """
    metrics = Metrics()
    api = create_api(serving, metrics)
    inside = McpAlone(api) if serving.mcp.alone else api
    return Envelope(Guard(inside, serving), hosts=serving.hosts, origins=serving.settings.origins, metrics=metrics)


def create_api(serving: Serving, metrics: Metrics) -> FastAPI:
    """The routes, without what is around them.

    Raises:
        LookupError: if one of them has no row in the role table.
    """
    permits = Permits()
    app = FastAPI(
        title="Genie",
        version=version(DISTRIBUTION),
        openapi_url=f"{ROOT}/openapi.json",
        # Their pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(permits)],
    )
    app.state.serving = serving
    app.state.metrics = metrics
    for router in (epics.starting, epics.router, history.router, history.comparing, events.router, approvals.router, workers.router):
        app.include_router(router, prefix=ROOT)
    app.include_router(names.router, prefix=ROOT)
    app.include_router(sayings.router, prefix=ROOT)
    app.include_router(time_machine.router, prefix=ROOT)
    app.include_router(races.router, prefix=ROOT)
    for router in (agents.router, agents.waiting, runs.router, tools.router):
        app.include_router(router, prefix=ROOT)
    for router in (sessions.router, sessions.patient, memories.router, prompts.router, knowledge.router):
        app.include_router(router, prefix=ROOT)
    for router in (asks.asking, asks.router):
        app.include_router(router, prefix=ROOT)
    app.include_router(races.picking, prefix=ROOT)
    app.include_router(keys.router, prefix=ROOT)
    app.include_router(whoami.router, prefix=ROOT)
    app.include_router(audit.router, prefix=ROOT)
    app.include_router(probes.router)
    app.include_router(hooks.router)
    app.include_router(slack.router)
    app.include_router(mcp.router)
    permits.bind(app)
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
        document["components"]["securitySchemes"] = {_SCHEME: {"type": "http", "scheme": "bearer", "description": _BEARER}}
        document["security"] = [{_SCHEME: []}]
        for path, methods in document["paths"].items():
            if is_open(path):
                for operation in methods.values():
                    operation["security"] = []
        app.openapi_schema = document
    return app.openapi_schema
