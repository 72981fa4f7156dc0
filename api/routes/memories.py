"""Memory variables: named values that fill in the prompts of agents."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.addresses import repository_in
from api.deps import Cursor, EngineDep, Limit
from api.problems import problems
from api.schemas import Text
from api.session_schemas import MemoryPut
from api.strictness import PatientRoute
from engine.memories_for_faces import Whose
from engine.prompts.views import MemoryView
from engine.views import Page

router = APIRouter(prefix="/memories", tags=["prompts"], route_class=PatientRoute)

OfRepo = Annotated[Text | None, Query(min_length=1, max_length=4_096, description="Those of this repository.")]
OfAgent = Annotated[Text | None, Query(min_length=1, max_length=64, description="Those of this agent.")]
OfSession = Annotated[Text | None, Query(min_length=1, max_length=80, description="Those of this session.")]


@router.get("", response_model=Page[MemoryView], responses=problems(404))
async def list_memories(
    engine: EngineDep,
    repo: OfRepo = None,
    agent: OfAgent = None,
    session: OfSession = None,
    name: Annotated[Text | None, Query(max_length=64)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[MemoryView]:
    """List the values that the caller may read, by scope, owner and name; those of one owner, if one is named."""
    named = any(each is not None for each in (repo, agent, session))
    return await engine.memories.page(whose(repo, agent, session) if named else None, name=name, limit=limit, cursor=cursor)


@router.put("", response_model=MemoryView, responses=problems(404, 409, 413, 415))
async def set_memory(body: MemoryPut, engine: EngineDep) -> MemoryView:
    """Keep a value, in place of the one that was there; those of agents and of the installation take an admin."""
    return await engine.memories.set(whose(body.repo, body.agent, body.session), body.name, body.value)


@router.delete("", response_model=MemoryView, responses=problems(404, 409))
async def unset_memory(
    engine: EngineDep,
    name: Annotated[Text, Query(min_length=1, max_length=64)],
    repo: OfRepo = None,
    agent: OfAgent = None,
    session: OfSession = None,
) -> MemoryView:
    """Forget a value, of exactly the owner that is named; the answer is what it was."""
    return await engine.memories.unset(whose(repo, agent, session), name)


def whose(repo: str | None, agent: str | None, session: str | None) -> Whose:
    """Whose a memory is."""
    return Whose(repo=repo and repository_in(repo), agent=agent, session=session)
