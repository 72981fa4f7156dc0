"""What a tool may work on: one work tree, the globs of what may be written, the environment of commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from epics.errors import PathRefused
from safety.paths import confine, matches


class ToolProblem(Exception):
    """A tool call could not be done; the message is for the model, and says what would do."""


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The place where the tools of one attempt work; nothing outside of it is read or written by them."""

    tree: Path
    allowed: tuple[str, ...] = ("**",)
    forbidden: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    command_seconds: float = 600.0
    """The most that one command may take."""
    search_seconds: float = 30.0
    """How long one search may look before it is ended, with what it has found so far; so long, too, one file is read."""

    def readable(self, path: str) -> Path:
        """Return the real path of a file to look at.

        Raises:
            ToolProblem: if the path leads out of the tree or into git's own files.
        """
        try:
            return confine(self.tree, path)
        except PathRefused as exc:
            raise ToolProblem(str(exc)) from exc

    def writable(self, path: str) -> Path:
        """Return the real path of a file to change.

        Raises:
            ToolProblem: as `readable`, or if the boundaries of the attempt leave that path alone.
        """
        real = self.readable(path)
        relative = self.relative(real)
        if matches(relative, self.forbidden):
            raise ToolProblem(f"{relative} must not be changed in this task (forbidden: {', '.join(self.forbidden)}): leave it as it is")
        if not matches(relative, self.allowed):
            raise ToolProblem(f"{relative} is outside of what this task may change (allowed: {', '.join(self.allowed)})")
        return real

    def relative(self, real: Path) -> str:
        """Return a real path as git writes it, relative to the root of the tree."""
        return real.relative_to(self.tree.resolve()).as_posix()
