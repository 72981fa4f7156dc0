"""Messages from outside that start, resume or decide: signed by their source, and known by their ids."""

from __future__ import annotations

from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Path, Request, Response

from api.deps import EngineDep, ServingDep
from api.problems import problem, problems
from api.strictness import PatientRoute
from engine.hooks import HookAnswer
from epics.errors import HookNotFound, HookRefused

router = APIRouter(prefix="/hooks", tags=["hooks"], route_class=PatientRoute)

REPLAYED: Final = "Hook-Replayed"

SourceName = Annotated[str, Path(max_length=63, description="A source of GENIE_HOOKS_FILE.")]


@router.post("/{source}", response_model=HookAnswer, responses=problems(401, 404, 409, 413, 502))
async def receive(
    source: SourceName, request: Request, response: Response, engine: EngineDep, serving: ServingDep
) -> HookAnswer | Response:
    """Take a message; one that comes again is given its first answer, and `Hook-Replayed: true`."""
    if source not in serving.hooks:
        raise HookNotFound("there is no such source of hooks: see GENIE_HOOKS_FILE on the server")
    body = await request.body()
    try:
        answer, replayed = await engine.hooks.receive(serving.hooks[source], dict(request.headers), body)
    except HookRefused as error:
        # Whoever forges learns nothing from the answer; whoever runs the server does, from the log.
        structlog.get_logger().warning("a hook was refused", source=source, why=str(error))
        return problem(401, error.code, "the message is not signed as its source must sign it")
    if replayed:
        response.headers[REPLAYED] = "true"
    return answer
