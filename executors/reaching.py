"""The tools of an attempt, and what they may reach."""

from __future__ import annotations

from dataclasses import replace

from executors.port import Order
from tools.context import ToolContext
from tools.registry import ToolRegistry
from tools.workspace import Workspace


def context_of(order: Order) -> ToolContext:
    """Return the ports that the order brings, with its work tree and the globs that bound it."""
    if not order.has_tree:
        return order.reach
    workspace = Workspace(tree=order.tree, allowed=order.allowed_paths, forbidden=order.forbidden_paths, environment=order.environment)
    return replace(order.reach, workspace=workspace)


def tools_of(order: Order, tools: ToolRegistry) -> tuple[ToolRegistry, tuple[str, ...]]:
    """Return the tools that there are for an order, its agent's own among them, and the names of those that it may use."""
    own = order.talk.tools if order.talk is not None else ()
    if not own:
        return tools, order.workflow.tools
    return tools.with_more(own), (*order.workflow.tools, *(tool.name for tool in own))


def call_id(epic: str, attempt: int, turn: int, call: str) -> str:
    """Name one call of a turn, the same when it is made again after a crash: the answer that asks for it is recorded."""
    return f"{epic}/{attempt}/{turn}/{call}"
