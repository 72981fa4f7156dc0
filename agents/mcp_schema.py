"""The schema of `.mcp.json`: the MCP servers of a workflow or an agent."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from epics.records import Record

_REFERENCE: Final = re.compile(r"\$\{([^{}]*)\}")
_NAMED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}(:-.*)?|secret:mcp_[a-z0-9_]{1,60}")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_MCP_TOOL: Final = re.compile(r"mcp__[A-Za-z0-9_-]{1,60}__[A-Za-z0-9_.*?-]{1,120}")

_LONGEST_S: Final = 3_600
_MOST_STARTS: Final = 10


def _with_references(text: str) -> str:
    for found in _REFERENCE.finditer(text):
        if not _NAMED.fullmatch(found[1]):
            message = f"{found[0]!r} is no reference: write ${{NAME}}, ${{NAME:-default}} or ${{secret:mcp_name}}"
            raise ValueError(message)
    if "${" in _REFERENCE.sub("", text):
        message = "a reference that begins with ${ has no end: write ${NAME}"
        raise ValueError(message)
    if "\0" in text:
        message = "must have no NUL"
        raise ValueError(message)
    return text


def _without_secrets(text: str) -> str:
    if "${secret:" in text:
        message = "has a secret on a command line, which everybody on the machine can read: give it in 'env'"
        raise ValueError(message)
    return text


def _header(name: str) -> str:
    if not _HEADER.fullmatch(name):
        message = "is no name of an HTTP header"
        raise ValueError(message)
    return name


def _web_address(text: str) -> str:
    if not text.startswith(("http://", "https://", "${")):
        message = "must begin with https:// or http://"
        raise ValueError(message)
    return text


def mcp_tool_name(text: str) -> str:
    """Return a name of a tool of an MCP server, which may have wildcards.

    Raises:
        ValueError: if it is none.
    """
    if not _MCP_TOOL.fullmatch(text):
        message = "must be mcp__<server>__<tool>, such as mcp__git__git_log or mcp__git__*"
        raise ValueError(message)
    return text


Text = Annotated[str, StringConstraints(max_length=4_000), AfterValidator(_with_references)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000), AfterValidator(_with_references)]
Argument = Annotated[Text, AfterValidator(_without_secrets)]
Program = Annotated[Word, AfterValidator(_without_secrets)]
Url = Annotated[Word, AfterValidator(_web_address)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
Header = Annotated[str, AfterValidator(_header)]
Seconds = Annotated[float, Field(strict=True, gt=0, le=_LONGEST_S)]
ServerName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9](?:_?[A-Za-z0-9-]){0,40}$")]


class Timeouts(Record):
    """How long a server may take for each thing, in seconds."""

    start: Seconds | None = None
    list: Seconds | None = None
    call: Seconds | None = None


class McpServer(BaseModel):
    """One server of .mcp.json: a program that is started, or an address. What other clients do not know of is Genie's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["stdio", "http"] | None = None
    command: Program | None = None
    args: Annotated[tuple[Argument, ...], Field(max_length=200)] = ()
    env: Annotated[dict[Variable, Text], Field(max_length=100)] = Field(default_factory=dict)
    cwd: Argument | None = None
    url: Url | None = None
    headers: Annotated[dict[Header, Text], Field(max_length=100)] = Field(default_factory=dict)
    timeout: Seconds | Timeouts | None = None
    required: bool = False
    on_change: Literal["block", "warn"] = "block"
    needs_tree: bool = True
    restarts: Annotated[int, Field(strict=True, ge=0, le=_MOST_STARTS)] = 2

    @model_validator(mode="after")
    def _is_reached_one_way(self) -> Self:
        if (self.command is None) == (self.url is None):
            message = "a server needs either 'command' or 'url'"
            raise ValueError(message)
        if self.type is not None and (self.type == "http") != (self.url is not None):
            message = "type 'http' goes with 'url', type 'stdio' with 'command'"
            raise ValueError(message)
        return self


class McpFile(BaseModel):
    """.mcp.json, as the clients of the Model Context Protocol write it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mcpServers: Annotated[dict[ServerName, McpServer], Field(max_length=50)]  # noqa: N815  the file's own word

    def servers(self) -> dict[str, Any]:
        """Return the servers as the file has them, without what it left out."""
        return {name: server.model_dump(exclude_unset=True, mode="json") for name, server in self.mcpServers.items()}
