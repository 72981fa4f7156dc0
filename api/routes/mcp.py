"""Genie as an MCP server, at the root: what it speaks is no part of the API, and does by it all that it does."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from starlette.types import ASGIApp

from api.deps import EngineDep, ServingDep
from api.mcp_alone import PATH, McpOffer
from api.serving import Serving

router = APIRouter(tags=["mcp"])


@router.post(PATH, include_in_schema=False)
async def speak_mcp(
    request: Request,
    serving: ServingDep,
    engine: EngineDep,  # noqa: ARG001  # while there is none it answers as all else does
    tools: Annotated[str | None, Query(max_length=1_000, description="Only these tools, with commas between them.")] = None,
    *,
    read_only: Annotated[bool, Query(description="Only tools that change nothing.")] = False,
) -> Response:
    """Take one message of the Model Context Protocol, and answer it (streamable HTTP)."""
    # In a thread: the first who asks waits a second for the protocol's library, and nobody else does.
    return await asyncio.to_thread(_answer, request.app, serving, McpOffer(tools=tools, read_only=read_only))


def _answer(app: ASGIApp, serving: Serving, asked: McpOffer) -> Response:
    from api.mcp.streaming import McpAnswer  # noqa: PLC0415  # as told above
    from api.mcp.toolbox import offered  # noqa: PLC0415  # as above

    return McpAnswer(app, offered(serving.mcp, asked), serving.stopping)
