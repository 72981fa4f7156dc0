"""What faces see of MCP servers: nothing that is secret."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from epics.records import Record


class CatalogView(Record):
    """A ready-made entry."""

    name: str
    about: str
    server: Mapping[str, Any] = Field(description="What goes into .mcp.json; empty for Genie's own tools.")
    tools: tuple[str, ...] = Field(description="What goes into allowed_tools.json.")
    needs: str


class McpToolView(Record):
    """A tool that a server lists."""

    name: str = Field(description="As agents know it: mcp__<server>__<tool>.")
    about: str
    read_only: bool = Field(description="Whether the server says that it only looks.")
    allowed: bool = Field(description="Whether the workflow's list of tools has it.")
    pin: Literal["same", "new", "changed", "unpinned", "refused"] = Field(description="How it stands to what was pinned.")
    problem: str = ""


class McpServerView(Record):
    """A server that a workflow names."""

    workflow: str
    name: str
    kind: Literal["stdio", "http"]
    where: str = Field(description="Its command or its URL, as .mcp.json has it.")
    required: bool
    on_change: Literal["block", "warn"]
    secrets: tuple[str, ...] = Field(description="The names of the stored secrets that it is given.")
    problem: str = Field(default="", description="Why it cannot be used; empty if it can, or was not tried.")
    seconds: float | None = Field(default=None, description="How long it took to start and to list its tools.")
    tools: tuple[McpToolView, ...] = ()
    gone: tuple[str, ...] = Field(default=(), description="Tools that are pinned, but not listed any more.")


class PinView(Record):
    """A tool as it was pinned."""

    project: str = Field(description="The repository that the pin holds for.")
    server: str
    identity: str = Field(description="What makes the server this one: its command or its URL.")
    tool: str
    hash: str
    pinned_at: datetime
    pinned_by: str
