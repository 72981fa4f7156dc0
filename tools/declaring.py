"""What a tool says of itself, and how it is called: its arguments checked, its time limited, whatever goes wrong told in words."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

from epics.agent_errors import InvalidTool
from epics.errors import Environment, LeaseLost, StoreUnavailable
from safety.secrets import redact
from tools.context import ToolContext
from tools.output import CAP, capped, sayable
from tools.permitting import MCP
from tools.workspace import ToolProblem

Category = Literal["files", "version_control", "communication", "tasks", "memory", "web", "own"]
"""What a tool is about; `own` is what an agent brings itself."""

Permission = Literal["read", "write", "execute", "network", "record"]
"""What a tool is trusted with: to look, to change files of the work tree, to run commands (which may do anything), to reach hosts, to add
to Genie's own records."""

SideEffect = Literal["none", "tree", "outside"]
"""What a call leaves behind: nothing, files in the work tree (which is put back after a crash), or something elsewhere."""

Idempotency = Literal["safe", "keyed", "never"]
"""What becomes of a call that is made again after a crash: no harm, nothing (it is known by its id), or perhaps the same deed twice."""

SECONDS: Final = 120.0
_MOST_SAID: Final = CAP + 4_000
"""A net below the tools that keep to the cap themselves, and add a line on what is missing."""

_MOST_PROBLEM: Final = 2_000
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LEAVES: Final[Mapping[Permission, frozenset[SideEffect]]] = {
    "read": frozenset({"none"}),
    "write": frozenset({"tree"}),
    "execute": frozenset({"tree", "outside"}),
    "network": frozenset({"none", "outside"}),
    "record": frozenset({"outside"}),
}


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
    run: Callable[[ToolContext, Any], Awaitable[str]]
    category: Category = "own"
    side_effect: SideEffect = "none"
    idempotency: Idempotency = "safe"
    seconds: float | None = SECONDS
    """How long one call may take; None for a tool that keeps a time of its own."""

    @property
    def changes_files(self) -> bool:
        """Whether the work tree may differ after a call; such calls are followed by a snapshot."""
        return self.permission in {"write", "execute"}

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the arguments."""
        return self.arguments.model_json_schema()

    async def call(self, context: ToolContext, given: Mapping[str, Any]) -> str:
        """Check the arguments and run the tool.

        Raises:
            ToolProblem: in words that the model can act on, also where the tool raised something or did not end in its time.
            LeaseLost: if another worker took the epic over.
            StoreUnavailable: if the database did not answer; the attempt can be gone on with.
        """
        try:
            arguments = self.arguments.model_validate(dict(given))
        except ValidationError as exc:
            wrong = "; ".join(f"{'.'.join(map(str, error['loc'])) or 'arguments'}: {error['msg']}" for error in exc.errors())
            raise ToolProblem(f"{self.name} was called with arguments that do not fit: {wrong}") from exc
        clock = asyncio.timeout(self.seconds)
        try:
            async with clock:
                return sayable(capped(await self.run(context, arguments), _MOST_SAID))
        except (ToolProblem, LeaseLost, StoreUnavailable):
            raise
        except (OSError, UnicodeError, Environment) as exc:
            late = f"it took longer than its {self.seconds:g} s, so it was stopped" if clock.expired() else exc
            raise ToolProblem(_told(f"{self.name} failed: {late}")) from exc
        except (Exception, SystemExit) as exc:  # a tool may be anybody's: whatever it raises is told to the model, and the run goes on
            raise ToolProblem(_told(f"{self.name} failed: {type(exc).__name__}: {exc}")) from exc


def check_declaration(tool: AgentTool) -> None:
    """See that what a tool says of itself is whole, and goes together.

    Raises:
        InvalidTool: with the file and the line where the tool is defined.
    """
    if why := _fault(tool):
        raise InvalidTool(f"{place_of(tool)}: the tool {tool.name!r} {why}")


def place_of(tool: AgentTool) -> str:
    """Return where a tool is defined, as `file:line`."""
    code = getattr(inspect.unwrap(tool.run), "__code__", None) or getattr(type(tool.run).__call__, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(tool.run)


def _fault(tool: AgentTool) -> str:
    if not _NAME.fullmatch(tool.name) or tool.name.startswith(MCP):
        return f"has no name of a tool: up to 64 of a-z, 0-9 and _, a letter first, and not {MCP}"
    if not tool.description.strip():
        return "does not say what it does: give it a description"
    if not inspect.iscoroutinefunction(tool.run) and not inspect.iscoroutinefunction(type(tool.run).__call__):
        return "is not run by an async function"
    if tool.side_effect not in _LEAVES[tool.permission]:
        return f"has the permission {tool.permission!r} and the side effect {tool.side_effect!r}, which do not go together"
    if tool.side_effect == "none" and tool.idempotency != "safe":
        return f"leaves nothing behind, yet its idempotency is {tool.idempotency!r}: say safe"
    if tool.seconds is not None and tool.seconds <= 0:
        return f"may take {tool.seconds:g} s: give it more than none"
    return _schema_fault(tool)


def _schema_fault(tool: AgentTool) -> str:
    if tool.arguments.model_config.get("extra") != "forbid":
        return "takes arguments that it does not know: make them a subclass of tools.declaring.Arguments"
    try:
        json.dumps(tool.schema())
    except (PydanticInvalidForJsonSchema, PydanticUserError, TypeError, ValueError) as exc:
        return f"has arguments that no JSON schema tells: {' '.join(str(exc).split())[:300]}"
    return ""


def _told(text: str) -> str:
    return sayable(capped(redact(text), _MOST_PROBLEM))
