"""The schemas of the files in a workflow's folder."""

from __future__ import annotations

from decimal import Decimal
from pathlib import PurePosixPath
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from agents.mcp_schema import mcp_tool_name
from agents.outputs import OUTPUTS
from agents.workflow import OnCrash
from epics.records import Record
from safety.hosts import why_host_is_refused

ToolName = Literal[
    "read_file",
    "write_file",
    "edit_file",
    "list_files",
    "search",
    "run_command",
    "git_log",
    "git_show",
    "git_diff",
    "git_blame",
    "tell_people",
    "list_tasks",
    "add_task",
    "complete_task",
    "search_knowledge",
    "remember",
    "fetch_url",
    "search_web",
]
"""Genie's names of the tools; an executor maps them to its own."""

WRITING_TOOLS: Final = frozenset({"write_file", "edit_file", "run_command"})

_MOST_TURNS: Final = 500
_LONGEST_S: Final = 86_400


def _known_output(name: str) -> str:
    if name not in OUTPUTS:
        message = f"must be one of {', '.join(sorted(OUTPUTS))}"
        raise ValueError(message)
    return name


def _glob(text: str) -> str:
    if text.startswith("/") or "\\" in text or ".." in PurePosixPath(text).parts:
        message = "must be a glob relative to the repository, without '..' and with '/' between folders"
        raise ValueError(message)
    return text


def _host(text: str) -> str:
    if why := why_host_is_refused(text):
        raise ValueError(why)
    return text


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Glob = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), AfterValidator(_glob)]
Host = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), AfterValidator(_host)]
Alias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
ModelName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[a-z0-9_-]+:\S+$")]
"""A provider and its model, such as anthropic:claude-sonnet-4-5."""
Globs = Annotated[tuple[Glob, ...], Field(max_length=200)]


class LimitsTable(Record):
    """`[limits]`: how far one attempt may go."""

    turns: Annotated[int, Field(strict=True, ge=1, le=_MOST_TURNS)]
    seconds: Annotated[float, Field(strict=True, gt=0, le=_LONGEST_S)]
    usd: Annotated[Decimal, Field(gt=0)] | None = None


class BoundariesTable(Record):
    """`[boundaries]`: what an attempt may change; an empty `allowed` means nothing at all."""

    allowed: Globs = ("**",)
    forbidden: Globs = ()
    needs_approval: Globs = ()


class NetworkTable(Record):
    """`[network]`: what the agent's commands may reach beside the model, where the executor closes them in."""

    mode: Literal["none", "allowlist"] = "none"
    hosts: Annotated[tuple[Host, ...], Field(max_length=200)] = ()


class WorkflowFile(Record):
    """workflow.toml."""

    description: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
    skills: Annotated[tuple[Name, ...], Field(max_length=50)] | None = None
    output: Annotated[str, AfterValidator(_known_output)]
    limits: LimitsTable
    boundaries: BoundariesTable = BoundariesTable()
    on_crash: OnCrash = "retry"
    executor: Name | None = None
    model: Annotated[tuple[Name, ...], BeforeValidator(_listed)] = ()
    network: NetworkTable = NetworkTable()
    aliases: Annotated[dict[Alias, ModelName], Field(max_length=20)] = Field(default_factory=dict)


def _or_of_a_server(name: object, known: ValidatorFunctionWrapHandler) -> object:
    return mcp_tool_name(name) if isinstance(name, str) and name.startswith("mcp__") else known(name)


AllowedTool = Annotated[ToolName, WrapValidator(_or_of_a_server)]


class AllowedTools(RootModel[tuple[AllowedTool, ...]]):
    """allowed_tools.json: a list of tool names, also of tools of MCP servers."""

    model_config = ConfigDict(frozen=True)
