"""An agent written in Python, as it was found: its class, where it stands, and the hash of its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.agent import Agent
from epics.records import Record


class Answer(Record):
    """What an agent says in words."""

    text: str


@dataclass(frozen=True, kw_only=True)
class PythonAgent:
    """One agent written in Python, checked when it was loaded."""

    name: str
    made_by: type[Agent]
    """Makes the object of one run."""
    place: str
    """Its folder, or the entry point of an installed distribution."""
    file: Path
    """Where its code begins: messages about what it raises name lines in the folder of this file."""
    content_hash: str
    """SHA-256 over its code, stored with each run."""
    mcp_servers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder of its code."""
        return self.file.parent


@dataclass(frozen=True, kw_only=True)
class BrokenAgent:
    """An agent that could not be loaded, and why."""

    name: str
    place: str
    error: str
