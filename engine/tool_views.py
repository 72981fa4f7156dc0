"""What the faces show of the tools that agents may be given."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from epics.errors import NotFound
from epics.records import Record
from tools.builtin import builtin_tools
from tools.declaring import AgentTool


class ToolView(Record):
    """A tool that workflows may list in allowed_tools.json, and agents in `tools`."""

    name: str
    description: str
    category: str = Field(description="What it is about: files version_control communication tasks memory web.")
    permission: str = Field(description="What it is trusted with: read write execute network record.")
    side_effect: str = Field(description="What a call leaves behind: none, tree (the work tree), outside (elsewhere).")
    idempotency: str = Field(description="What a call does that a crash makes be made again: safe (no harm), keyed (nothing), never.")
    seconds: float | None = Field(description="How long a call may take; null where its arguments say.")
    arguments: dict[str, Any] = Field(description="The JSON schema of what it takes.")

    @classmethod
    def of(cls, tool: AgentTool) -> ToolView:
        """What is told of a tool."""
        return cls(
            name=tool.name,
            description=tool.description,
            category=tool.category,
            permission=tool.permission,
            side_effect=tool.side_effect,
            idempotency=tool.idempotency,
            seconds=tool.seconds,
            arguments=tool.schema(),
        )


def tool_views() -> tuple[ToolView, ...]:
    """The tools that come with Genie, by category and in the order in which they are told there."""
    return tuple(ToolView.of(tool) for tool in builtin_tools().tools)


def tool_view(name: str) -> ToolView:
    """One of them.

    Raises:
        NotFound: if there is none of that name.
    """
    for view in tool_views():
        if view.name == name:
            return view
    raise NotFound(f"there is no tool {name!r}: see `genie tool list`")
