"""The Model Context Protocol for one attempt's CLI: each request by itself, so that the next worker goes on with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams, TextContent, Tool, ToolAnnotations

from tools.declaring import AgentTool
from tools.workspace import ToolProblem

Called = Callable[[str, Mapping[str, Any], str | None], Awaitable[str]]

_CALL: Final = "claudecode/toolUseId"
"""Where the CLI tells the id of the call."""

_Context = ServerRequestContext[Any, Any]


def speaking(tools: Sequence[AgentTool], called: Called) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """The ASGI application that offers tools.

    Args:
        tools: what is offered.
        called: runs one, by its name, its arguments and the id of the call.
    """
    described = ListToolsResult(tools=[_described(tool) for tool in tools])

    async def listed(_context: _Context, _params: PaginatedRequestParams | None) -> ListToolsResult:
        return described

    async def call(context: _Context, params: CallToolRequestParams) -> CallToolResult:
        meta: Mapping[str, Any] = context.meta or {}
        known = meta.get(_CALL)
        try:
            said = await called(params.name, params.arguments or {}, known if isinstance(known, str) else None)
        except ToolProblem as exc:
            return CallToolResult(content=[TextContent(text=str(exc))], is_error=True)
        return CallToolResult(content=[TextContent(text=said)])

    server: Server[Any] = Server("genie", on_list_tools=listed, on_call_tool=call)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        manager = StreamableHTTPSessionManager(server, stateless=True, json_response=True)
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    return app


def _described(tool: AgentTool) -> Tool:
    hints = ToolAnnotations(read_only_hint=tool.permission == "read", destructive_hint=False, idempotent_hint=tool.idempotency != "never")
    return Tool(name=tool.name, description=tool.description, input_schema=tool.schema(), annotations=hints)
