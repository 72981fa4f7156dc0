"""Prompts: versions of what agents are told first, of which one is active."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import Cursor, EngineDep, Limit, NumberInPath
from api.problems import problems
from api.schemas import Text
from api.session_schemas import PromptCreate
from api.strictness import StrictRoute
from engine.prompts.views import PromptView
from engine.views import Page

router = APIRouter(prefix="/prompts", tags=["prompts"], route_class=StrictRoute)

AgentInPath = Annotated[str, Path(max_length=64, description="The name of an agent.")]
KeyInPath = Annotated[str, Path(max_length=40, description="Which of the agent's prompts: default, unless it has others.")]


@router.get("", response_model=Page[PromptView], responses=problems())
async def list_prompts(
    *,
    engine: EngineDep,
    agent: Annotated[Text | None, Query(max_length=64)] = None,
    status_key: Annotated[Text | None, Query(max_length=40)] = None,
    active: Annotated[bool, Query(description="Only the active ones.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PromptView]:
    """List versions by agent and status key, the newest first."""
    return await engine.prompts.page(agent=agent, status_key=status_key, active=active, limit=limit, cursor=cursor)


@router.post("", status_code=201, response_model=PromptView, responses=problems(404, 409, 413, 415))
async def add_prompt(body: PromptCreate, engine: EngineDep) -> PromptView:
    """Add the next version; nobody is told it before it is activated."""
    return await engine.prompts.add(body.agent, body.text, status_key=body.status_key, variables=body.variables)


@router.get("/{name}/{key}/{n}", response_model=PromptView, responses=problems(404))
async def show_prompt(name: AgentInPath, key: KeyInPath, n: NumberInPath, engine: EngineDep) -> PromptView:
    """Show a version."""
    return await engine.prompts.show(name, key, n)


@router.post("/{name}/{key}/{n}/activate", response_model=PromptView, responses=problems(404))
async def activate_prompt(name: AgentInPath, key: KeyInPath, n: NumberInPath, engine: EngineDep) -> PromptView:
    """Let runs that begin from now on be told this version; the one that was active is so no more."""
    return await engine.prompts.activate(name, n, status_key=key)
