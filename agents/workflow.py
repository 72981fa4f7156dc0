"""What a workflow is: the loaded content of one folder under `agents/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

OnCrash = Literal["retry", "verify", "park"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How far one attempt may go."""

    turns: int
    """Model calls."""
    seconds: float
    usd: Decimal | None = None

    def __post_init__(self) -> None:
        """Take dollars that somebody's code gives as a plain number for what they say."""
        given: object = self.usd
        if isinstance(given, int | float):
            object.__setattr__(self, "usd", Decimal(str(given)))


@dataclass(frozen=True, kw_only=True)
class Boundaries:
    """Globs, relative to the repository, of what an attempt may change."""

    allowed: tuple[str, ...] = ("**",)
    forbidden: tuple[str, ...] = ()
    needs_approval: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Network:
    """What the agent's commands may reach beside the model, where the executor closes them in."""

    mode: Literal["none", "allowlist"] = "none"
    hosts: tuple[str, ...] = ()
    """Names that may be reached; `*.example.org` is every name below it."""


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """One workflow, checked when it was loaded."""

    name: str
    description: str
    output: type[BaseModel]
    prompt: str
    """The template of the brief, not rendered."""
    tools: tuple[str, ...]
    """Genie's names of the tools that the agent may call."""
    limits: Limits
    boundaries: Boundaries
    on_crash: OnCrash
    executor: str | None
    models: tuple[str, ...]
    mcp_servers: Mapping[str, Any]
    content_hash: str
    """SHA-256 over the files of the folder, stored with each attempt."""
    folder: Path
    """Where it was found; relative in a repository, whose base branch it was read from."""
    network: Network = field(default_factory=Network)
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Models by the names that the agent may ask for beside its own, such as `fast` and `strong`."""
    skills: tuple[str, ...] | None = None
    """What it can do, in words that a request for it would have; None for those of its description, empty for what no request is for."""

    @property
    def is_of_repository(self) -> bool:
        """Whether it is from the repository's own base branch, and so as trustworthy as whoever may push there."""
        return not self.folder.is_absolute()
