"""Conversations with agents: begin one, say something, read what was said, close or forget it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from api.addresses import repository_in
from api.deps import Cursor, EngineDep, IdempotencyKey, Limit, ServingDep
from api.problems import problems
from api.schemas import Text
from api.session_schemas import SayInSession, SessionCreate, SessionName, SessionStatus
from api.strictness import PatientRoute, StrictRoute
from engine.runs.orders import StartRun, with_run_defaults
from engine.runs.views import RunView
from engine.sessions.views import MessageView, SessionView
from engine.views import Page

router = APIRouter(prefix="/sessions", tags=["sessions"], route_class=StrictRoute)
patient = APIRouter(prefix="/sessions", tags=["sessions"], route_class=PatientRoute)

SessionId = Annotated[
    str, Path(max_length=80, description="The id of a session, or its name where it has one; an unambiguous beginning is enough.")
]


@router.get("", response_model=Page[SessionView], responses=problems())
async def list_sessions(
    engine: EngineDep,
    agent: Annotated[Text | None, Query(max_length=64)] = None,
    repo: Annotated[Text | None, Query(max_length=4_096)] = None,
    name: Annotated[Text | None, Query(max_length=80)] = None,
    status: SessionStatus | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[SessionView]:
    """List conversations, the newest first."""
    return await engine.sessions.page(agent=agent, repo=repo, name=name, status=status, limit=limit, cursor=cursor)


@patient.post("", status_code=201, response_model=SessionView, responses=problems(404, 409, 413, 415))
async def create_session(body: SessionCreate, engine: EngineDep) -> SessionView:
    """Begin a conversation with an agent."""
    return await engine.sessions.create(body.agent, name=body.name, repo=body.repo and repository_in(body.repo))


@router.get("/{id}", response_model=SessionView, responses=problems(404))
async def show_session(id: SessionId, engine: EngineDep) -> SessionView:  # noqa: A002  # the name in the path
    """Show a conversation."""
    return await engine.sessions.show(id)


@router.delete("/{id}", response_model=SessionView, responses=problems(404, 409))
async def remove_session(id: SessionId, engine: EngineDep) -> SessionView:  # noqa: A002
    """Forget a conversation with all that was said in it; its runs stay. The answer is what it was."""
    return await engine.sessions.remove(id)


@router.put("/{id}/name", response_model=SessionView, responses=problems(404, 409, 413, 415))
async def name_session(id: SessionId, body: SessionName, engine: EngineDep) -> SessionView:  # noqa: A002
    """Give a conversation a name, in place of any that it has."""
    return await engine.sessions.rename(id, body.name)


@router.post("/{id}/close", response_model=SessionView, responses=problems(404, 409))
async def close_session(id: SessionId, engine: EngineDep) -> SessionView:  # noqa: A002
    """Let nothing more be said in a conversation."""
    return await engine.sessions.close(id)


@router.post("/{id}/reopen", response_model=SessionView, responses=problems(404, 409))
async def reopen_session(id: SessionId, engine: EngineDep) -> SessionView:  # noqa: A002
    """Let a conversation that was closed go on."""
    return await engine.sessions.reopen(id)


@router.get("/{id}/messages", response_model=Page[MessageView], responses=problems(404))
async def list_session_messages(
    id: SessionId,  # noqa: A002
    engine: EngineDep,
    limit: Limit = 50,
    cursor: Cursor = None,
    order: Annotated[Text, Query(pattern="^(oldest|newest)$", description="Which come first: oldest or newest.")] = "oldest",
) -> Page[MessageView]:
    """List what was said, as the provider's messages."""
    return await engine.sessions.messages(id, limit=limit, cursor=cursor, back=order == "newest")


@patient.post("/{id}/messages", status_code=202, response_model=RunView, responses=problems(404, 409, 413, 415))
async def say_in_session(
    id: SessionId,  # noqa: A002
    body: SayInSession,
    engine: EngineDep,
    serving: ServingDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Say something to the agent: a run of it begins, and `GET /runs/{id}` tells how far that is. One at a time."""
    session = await engine.sessions.show(id)
    asked = StartRun(
        workflow=session.agent,
        repo=session.repo,
        task=body.text,
        variables=dict(body.variables),
        budget_usd=body.budget_usd,
        executor=body.executor,
        model=body.model,
        session=session.id,
    )
    order = with_run_defaults(asked, serving.settings)
    if idempotency_key is None:
        run = await engine.runs.start(order)
        run_id, json, replayed = run.id, run.model_dump_json(), False
    else:
        started = await engine.runs.start_once(order, idempotency_key)
        run_id, json, replayed = started.epic_id, started.json, started.replayed
    headers = {"Location": f"/api/v1/runs/{run_id}", **({"Idempotency-Replayed": "true"} if replayed else {})}
    return Response(json, 202, headers=headers, media_type="application/json")
