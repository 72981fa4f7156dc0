"""What the tools of an attempt may reach."""

from __future__ import annotations

from dataclasses import replace

from executors.port import Order
from tools.context import ToolContext
from tools.workspace import Workspace


def context_of(order: Order) -> ToolContext:
    """Return the ports that the order brings, with its work tree and the globs that bound it."""
    workspace = Workspace(tree=order.tree, allowed=order.allowed_paths, forbidden=order.forbidden_paths, environment=order.environment)
    return replace(order.reach, workspace=workspace)


def call_id(epic: str, attempt: int, turn: int, call: str) -> str:
    """Name one call of a turn, the same when it is made again after a crash: the answer that asks for it is recorded."""
    return f"{epic}/{attempt}/{turn}/{call}"
