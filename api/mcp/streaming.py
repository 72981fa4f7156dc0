"""The MCP server over HTTP: each request by itself, so that any server answers it, and none remembers who asked."""

from __future__ import annotations

import asyncio
from typing import Final

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.mcp.door import AppDoor
from api.mcp.server import mcp_server
from api.mcp.tool import McpTool
from api.strictness import LARGEST_BODY
from epics.callers import acting_as, current_caller

CHANNEL: Final = "mcp"


class McpAnswer(Response):
    """What the MCP server answers to the request that it is the answer to."""

    def __init__(self, app: ASGIApp, tools: tuple[McpTool, ...], stopping: asyncio.Event) -> None:
        """Answer from an application, with some tools, until it is to end."""
        super().__init__()
        self._door = AppDoor(app, stopping)
        self._tools = tools

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the request, and answer it."""
        server = mcp_server(self._door, self._tools)
        # One for each request: nothing is left behind by which another key could go on with what this one began.
        manager = StreamableHTTPSessionManager(server, stateless=True, max_request_body_size=LARGEST_BODY)
        with acting_as(current_caller().model_copy(update={"channel": CHANNEL})):
            async with manager.run():
                await manager.handle_request(scope, receive, send)
