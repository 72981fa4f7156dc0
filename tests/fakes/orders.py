"""Orders for executors under test."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from agents.workflow import Boundaries, Limits, Workflow
from epics.verdicts import ChangeReport
from executors.port import Order

ALL_TOOLS = ("read_file", "write_file", "edit_file", "list_files", "search", "run_command")


def order(
    tree: Path,
    *,
    models: tuple[str, ...] = ("scripted:demo",),
    workflow: str = "implement",
    output: type[BaseModel] = ChangeReport,
    tools: tuple[str, ...] = ALL_TOOLS,
    turns: int = 10,
    seconds: float = 30.0,
    **changed: Any,
) -> Order:
    """Return an order for one workflow in a tree; what a test does not care about is filled in."""
    made = Workflow(
        name=workflow,
        description="under test",
        output=output,
        prompt="",
        tools=tools,
        limits=Limits(turns=turns, seconds=seconds, usd=Decimal(5)),
        boundaries=Boundaries(),
        on_crash="retry",
        executor=None,
        models=(),
        mcp_servers=changed.pop("mcp_servers", {}),
        content_hash="0" * 64,
        folder=tree,
    )
    filled = {
        "epic": "e-0123456789",
        "attempt": 1,
        "brief": f"Workflow: {workflow}\n\nMake it so.",
        "allowed_paths": ("**",),
        "forbidden_paths": (),
        "folder": tree.parent / f"{tree.name}-attempt",
        "environment": {"PATH": os.defpath, "LANG": "C.UTF-8"},
    }
    return Order(workflow=made, tree=tree, models=models, **{**filled, **changed})
