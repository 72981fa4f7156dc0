"""What the class of an agent must say of itself, checked when it is loaded, with the line that is wrong."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from agents.agent import Agent
from agents.mcp_schema import mcp_tool_name
from agents.prompts import Template, check_template
from agents.workflow import Limits
from epics.agent_errors import InvalidAgent
from epics.errors import InvalidInput
from tools.builtin import builtin_tools
from tools.declaring import AgentTool
from tools.permitting import MCP
from tools.registry import ToolRegistry

EXECUTORS: Final = frozenset({"in_process", "claude_local", "claude_docker", "scripted"})

_MOST_TURNS: Final = 500
_LONGEST_S: Final = 86_400
_LONGEST_PROMPT: Final = 100_000
_MODEL: Final = re.compile(r"[a-z0-9_-]+:\S+")
_STEPS: Final = ("prepare", "run", "cleanup")


def check_agent(made_by: type[Agent], file: Path, source: str, servers: Collection[str] = ()) -> None:
    """See that a class of an agent can be used.

    Args:
        made_by: the class.
        file: where it stands.
        source: the text of the file.
        servers: the names of the MCP servers beside it.

    Raises:
        InvalidAgent: with the file and the line of the first fault.
    """
    try:
        attribute, fault = next(iter(_faults(made_by, servers)), ("", ""))
    except Exception as error:
        # Code of somebody else's: what it makes of its attributes must not stop the others.
        line = line_in(source, made_by.__name__)
        raise InvalidAgent(f"{file}:{line}: it cannot be looked at: {type(error).__name__}: {error}") from error
    if fault:
        raise InvalidAgent(f"{file}:{line_in(source, made_by.__name__, attribute)}: {fault}")


def line_in(source: str, class_name: str, attribute: str = "") -> int:
    """Return the line on which a class sets an attribute or defines a method, or the line of the class, or 1."""
    found = next((node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef) and node.name == class_name), None)
    if found is None:
        return 1
    return next((node.lineno for node in found.body if attribute in _named(node)), found.lineno)


def _named(node: ast.stmt) -> tuple[str, ...]:
    match node:
        case ast.Assign(targets=targets):
            return tuple(target.id for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            return (name,)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return (name,)
        case _:
            return ()


def _faults(made_by: type[Agent], servers: Collection[str]) -> Iterable[tuple[str, str]]:
    """Attributes with what is wrong about each, the first first."""
    said: dict[str, Any] = {name: getattr(made_by, name, None) for name in Agent.__annotations__}
    yield from _texts(said)
    if not isinstance(said["variables"], Mapping) or not all(isinstance(each, str) for pair in said["variables"].items() for each in pair):
        yield "variables", f"variables gives a text for each name: it was {_shown(said['variables'])}"
    elif isinstance(said["prompt"], str) and said["prompt"].strip():
        try:
            check_template(Template(agent="the agent", version=1, text=said["prompt"], variables=said["variables"]))
        except InvalidInput as error:
            yield "prompt", str(error)
    if not isinstance(said["needs_repository"], bool):
        yield "needs_repository", f"needs_repository is True or False: it was {_shown(said['needs_repository'])}"
    if said["on_crash"] not in ("retry", "park"):
        yield "on_crash", f"on_crash is 'retry' or 'park': it was {_shown(said['on_crash'])}"
    yield from _limits(said["limits"])
    yield from _tools(said["tools"], servers)
    for name in _STEPS:
        if not inspect.iscoroutinefunction(getattr(made_by, name)):
            yield name, f"{name} is written with `async def`"


def _texts(said: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name in ("description", "prompt"):
        if not isinstance(said[name], str) or not said[name].strip():
            yield name, f"an agent says its {name} as a text: it was {_shown(said[name])}"
        elif len(said[name]) > _LONGEST_PROMPT:
            yield name, f"a {name} has at most {_LONGEST_PROMPT} characters"
    for name in ("skills", "models", "executors"):
        if not isinstance(said[name], tuple) or not all(isinstance(each, str) for each in said[name]):
            yield name, f"{name} is a tuple of texts: it was {_shown(said[name])}"
        elif name != "skills":
            yield from _unknown(name, said[name])
    if said["executors"] == ():
        yield "executors", "executors names at least one"


def _unknown(attribute: str, names: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    for name in names:
        if attribute == "models" and not _MODEL.fullmatch(name):
            yield attribute, f"the model {name!r} has no provider: name it as provider:model"
        if attribute == "executors" and name not in EXECUTORS:
            yield attribute, f"there is no executor {name!r}; there are {', '.join(sorted(EXECUTORS))}"


def _limits(limits: object) -> Iterable[tuple[str, str]]:
    if not isinstance(limits, Limits):
        yield "limits", f"limits is Limits(turns=…, seconds=…): it was {_shown(limits)}"
    elif not _are_limits(limits.turns, limits.seconds, limits.usd):
        yield "limits", f"turns are from 1 to {_MOST_TURNS}, seconds above 0 and at most {_LONGEST_S}, usd above 0 or None"


def _are_limits(turns: object, seconds: object, usd: object) -> bool:
    return (
        (isinstance(turns, int) and 1 <= turns <= _MOST_TURNS)
        and (isinstance(seconds, int | float) and 0 < seconds <= _LONGEST_S)
        and (usd is None or (isinstance(usd, Decimal) and usd.is_finite() and usd > 0))
    )


def _tools(tools: object, servers: Collection[str]) -> Iterable[tuple[str, str]]:
    if not isinstance(tools, tuple) or not all(isinstance(each, str | AgentTool) for each in tools):
        yield "tools", f"tools is a tuple of names and of AgentTool: it was {_shown(tools)}"
        return
    try:
        tools_of(tools, servers)
    except InvalidInput as error:
        yield "tools", str(error)


def tools_of(tools: tuple[str | AgentTool, ...], servers: Collection[str] = ()) -> ToolRegistry:
    """Return Genie's tools together with an agent's own, after the names that it lists were found.

    Raises:
        InvalidTool: if one of its own is wrong, or has the name of another.
        InvalidInput: if it names one that is not there.
    """
    registry = builtin_tools().with_more(tool for tool in tools if isinstance(tool, AgentTool))
    names = [tool for tool in tools if isinstance(tool, str)]
    for name in names:
        if name.startswith(MCP):
            _check_of_server(name, servers)
    registry.select(name for name in names if not name.startswith(MCP))
    return registry


def _check_of_server(name: str, servers: Collection[str]) -> None:
    try:
        mcp_tool_name(name)
    except ValueError as error:
        raise InvalidInput(f"{name!r} {error}") from error
    if name.removeprefix(MCP).partition("__")[0] not in servers:
        raise InvalidInput(f"{name!r} is of no server in .mcp.json, which has {', '.join(servers) or 'none'}")


def _shown(value: object) -> str:
    return "missing" if value is None else repr(value)[:80]
