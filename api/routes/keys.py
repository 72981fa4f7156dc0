"""Keys: who may ask, made, shown, rotated and revoked by admins."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path

from api.deps import CallerDep, EngineDep
from api.key_schemas import KeyCreate, RotateBody
from api.problems import problems
from api.strictness import StrictRoute
from engine.access.views import KeyView, NewKeyView
from engine.views import Page
from epics.roles import Grant

router = APIRouter(prefix="/keys", tags=["access"], route_class=StrictRoute)

KeyId = Annotated[str, Path(max_length=64, description="The id of a key, or the prefix that it begins with.")]


@router.get("", response_model=Page[KeyView], responses=problems())
async def list_keys(engine: EngineDep) -> Page[KeyView]:
    """List all keys, the oldest first; no secret is among them."""
    return Page[KeyView](items=await engine.access.list_keys())


@router.post("", status_code=201, response_model=NewKeyView, responses=problems(404, 409, 413, 415))
async def create_key(body: KeyCreate, engine: EngineDep, caller: CallerDep) -> NewKeyView:
    """Make a key. The answer is the only time that it is shown."""
    grants = [Grant(role=grant.role, repo=grant.repo) for grant in body.grants]
    lasts = None if body.lasts_s is None else timedelta(seconds=body.lasts_s)
    return await engine.access.create_key(body.name, grants, person=body.person or caller.person, lasts=lasts)


@router.get("/{id}", response_model=KeyView, responses=problems(404))
async def show_key(id: KeyId, engine: EngineDep) -> KeyView:  # noqa: A002  # the name in the path
    """Show a key, without its secret."""
    return await engine.access.key(id)


@router.post("/{id}/rotate", response_model=NewKeyView, responses=problems(404, 409, 413, 415))
async def rotate_key(id: KeyId, engine: EngineDep, body: RotateBody | None = None) -> NewKeyView:  # noqa: A002
    """Give a key another secret, shown this once; the one before holds for the grace."""
    asked = body or RotateBody()
    return await engine.access.rotate_key(id, grace=timedelta(seconds=asked.grace_s))


@router.post("/{id}/revoke", response_model=KeyView, responses=problems(404))
async def revoke_key(id: KeyId, engine: EngineDep) -> KeyView:  # noqa: A002
    """End a key at once, on all servers; streams that it opened end within a minute."""
    return await engine.access.revoke_key(id)
