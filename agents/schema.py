"""The schemas of the files in a workflow's folder."""

from __future__ import annotations

from decimal import Decimal
from pathlib import PurePosixPath
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, RootModel, StringConstraints, model_validator

from agents.outputs import OUTPUTS
from agents.workflow import OnCrash
from epics.records import Record
from safety.hosts import why_host_is_refused

ToolName = Literal["read_file", "write_file", "edit_file", "list_files", "search", "run_command"]
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
    output: Annotated[str, AfterValidator(_known_output)]
    limits: LimitsTable
    boundaries: BoundariesTable = BoundariesTable()
    on_crash: OnCrash = "retry"
    executor: Name | None = None
    model: Annotated[tuple[Name, ...], BeforeValidator(_listed)] = ()
    network: NetworkTable = NetworkTable()
    aliases: Annotated[dict[Alias, ModelName], Field(max_length=20)] = Field(default_factory=dict)


class AllowedTools(RootModel[tuple[ToolName, ...]]):
    """allowed_tools.json: a list of tool names."""

    model_config = ConfigDict(frozen=True)


class McpServer(BaseModel):
    """One server of .mcp.json: a program that is started, or an address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["stdio", "http", "sse"] | None = None
    command: Name | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    cwd: str | None = None
    url: Name | None = None
    headers: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_reached_one_way(self) -> Self:
        if (self.command is None) == (self.url is None):
            message = "a server needs either 'command' or 'url'"
            raise ValueError(message)
        return self


class McpFile(BaseModel):
    """.mcp.json, as the clients of the Model Context Protocol write it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mcpServers: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,60}$")], McpServer]  # noqa: N815  the file's own word

    def servers(self) -> dict[str, Any]:
        """Return the servers as the file has them, without what it left out."""
        return {name: server.model_dump(exclude_unset=True, mode="json") for name, server in self.mcpServers.items()}
