"""The tools that agents may be given."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.problems import problems
from api.strictness import StrictRoute
from engine.tool_views import ToolView, tool_view, tool_views
from engine.views import Page

router = APIRouter(prefix="/tools", tags=["agents"], route_class=StrictRoute)


@router.get("", response_model=Page[ToolView], responses=problems())
async def list_tools() -> Page[ToolView]:
    """List the tools that come with Genie, with what each is trusted with."""
    return Page[ToolView](items=tool_views())


@router.get("/{name}", response_model=ToolView, responses=problems(404))
async def show_tool(name: Annotated[str, Path(max_length=64, description="The name of a tool.")]) -> ToolView:
    """Show a tool, with the JSON schema of its arguments."""
    return tool_view(name)
