"""The tools that an agent may be given: by name, each with its arguments, its permission and what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from epics.errors import Environment, InvalidInput
from tools.output import sayable
from tools.workspace import ToolProblem, Workspace

Permission = Literal["read", "write", "execute"]
"""What a tool does to the work tree: only looks, changes files, or runs commands (which may do anything in it)."""


class Arguments(BaseModel):
    """The arguments of a tool call; what a model adds of its own is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, kw_only=True)
class AgentTool:
    """One tool, as the model sees it and as it is run."""

    name: str
    description: str
    permission: Permission
    arguments: type[Arguments]
    run: Callable[[Workspace, Any], Awaitable[str]]

    @property
    def changes_files(self) -> bool:
        """Whether the work tree may differ after a call; such calls are followed by a snapshot."""
        return self.permission != "read"

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the arguments."""
        return self.arguments.model_json_schema()

    async def call(self, workspace: Workspace, given: Mapping[str, Any]) -> str:
        """Check the arguments and run the tool.

        Raises:
            ToolProblem: in words that the model can act on.
        """
        try:
            arguments = self.arguments.model_validate(dict(given))
        except ValidationError as exc:
            wrong = "; ".join(f"{'.'.join(map(str, error['loc'])) or 'arguments'}: {error['msg']}" for error in exc.errors())
            raise ToolProblem(f"{self.name} was called with arguments that do not fit: {wrong}") from exc
        try:
            return sayable(await self.run(workspace, arguments))
        except (OSError, UnicodeError, Environment) as exc:
            raise ToolProblem(sayable(f"{self.name} failed: {exc}")) from exc


class ToolRegistry:
    """Tools by name; a name is taken once."""

    def __init__(self, tools: Iterable[AgentTool] = ()) -> None:
        self._tools: dict[str, AgentTool] = {}
        for tool in tools:
            self.register(tool)

    def register(self, tool: AgentTool) -> None:
        """Add a tool.

        Raises:
            InvalidInput: if the name is taken.
        """
        if tool.name in self._tools:
            raise InvalidInput(f"there are two tools named {tool.name!r}: rename one")
        self._tools[tool.name] = tool

    @property
    def names(self) -> tuple[str, ...]:
        """The names that workflows may list, sorted."""
        return tuple(sorted(self._tools))

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

    async def call(self, name: str, given: Mapping[str, Any], *, workspace: Workspace, allowed: Iterable[str]) -> str:
        """Run a tool for a workflow that may use only `allowed`, whatever the model was told that it may call.

        Raises:
            ToolProblem: if the workflow may not use the tool, or the tool says so.
        """
        may = tuple(allowed)
        if name not in may or name not in self._tools:
            raise ToolProblem(f"the tool {name!r} is not yours to use: use one of {', '.join(may) or 'none'}")
        return await self._tools[name].call(workspace, given)
