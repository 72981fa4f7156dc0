"""The tools that an agent may be given: by name, each once, and called only where the list of the workflow has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from epics.agent_errors import InvalidTool
from epics.errors import InvalidInput
from tools.context import ToolContext
from tools.declaring import AgentTool, check_declaration, place_of
from tools.permitting import check_allowed


class ToolRegistry:
    """Tools by name; a name is taken once."""

    def __init__(self, tools: Iterable[AgentTool] = ()) -> None:
        self._tools: dict[str, AgentTool] = {}
        for tool in tools:
            self.register(tool)

    def register(self, tool: AgentTool) -> None:
        """Add a tool.

        Raises:
            InvalidTool: if its name is taken or its declaration is wrong, with the file and the line where it is defined.
        """
        check_declaration(tool)
        if (taken := self._tools.get(tool.name)) is not None:
            raise InvalidTool(f"{place_of(tool)}: there are two tools named {tool.name!r}, the other at {place_of(taken)}: rename one")
        self._tools[tool.name] = tool

    def with_more(self, tools: Iterable[AgentTool]) -> ToolRegistry:
        """Return a registry with these beside those that are here, whose declarations were checked when they came in.

        Raises:
            InvalidTool: as `register`.
        """
        made = ToolRegistry()
        made._tools = dict(self._tools)
        for tool in tools:
            made.register(tool)
        return made

    @property
    def names(self) -> tuple[str, ...]:
        """The names that workflows may list, sorted."""
        return tuple(sorted(self._tools))

    @property
    def tools(self) -> tuple[AgentTool, ...]:
        """All of them, in the order in which they were added."""
        return tuple(self._tools.values())

    def get(self, name: str) -> AgentTool:
        """Return the tool of that name.

        Raises:
            InvalidInput: if there is none.
        """
        if name not in self._tools:
            raise InvalidInput(f"there is no tool named {name!r}: known are {', '.join(self.names)}")
        return self._tools[name]

    def select(self, names: Iterable[str]) -> tuple[AgentTool, ...]:
        """Return the tools of those names, each once, in their order.

        Raises:
            InvalidInput: if one is unknown.
        """
        return tuple(self.get(name) for name in dict.fromkeys(names))

    async def call(self, name: str, given: Mapping[str, Any], *, context: ToolContext, allowed: Iterable[str]) -> str:
        """Run a tool for a workflow that may use only `allowed`, whatever the model was told that it may call.

        Raises:
            ToolProblem: if the workflow may not use the tool, or the tool says so.
        """
        may = tuple(allowed)
        check_allowed(name, may, known=name in self._tools)
        return await self._tools[name].call(context, given)
