"""What `genie doctor` says of the Claude Code CLI and of the processes that agents run in."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cli.check import Check
from cli.errors import sentence_of
from epics.errors import Environment
from executors.claude.finding import EXTRA, bundled_cli, find_cli, version_of
from executors.claude.transcripts import VERSION

_NEEDS_IT: Final = frozenset({"claude_local"})


def claude_check(configured: Path | None, executor: str | None) -> Check:
    """Whether the CLI that `claude_local` starts is there, and which version it has; in the way only of who has chosen that executor."""
    missing = "failed" if executor in _NEEDS_IT or configured is not None else "note"
    try:
        cli = find_cli(configured)
        version = version_of(cli)
    except Environment as error:
        return Check(name="claude", state=missing, seen=sentence_of(error), way_out="only the executor claude_local needs it")
    where = "GENIE_CLAUDE_CLI" if configured is not None else "the extra" if cli == bundled_cli() else "PATH"
    seen = f"Claude Code {version}, from {where}: {cli}"
    if _numbers(version) < _numbers(VERSION):
        way = f"it was tried with {VERSION}: install {EXTRA}, or update it"
        return Check(name="claude", state="note", seen=seen, way_out=way)
    return Check(name="claude", state="ok", seen=seen)


def containment_check(*, namespaces: bool) -> Check:
    """Whether what an agent starts on this host can be ended for certain."""
    if namespaces:
        return Check(name="processes", state="ok", seen="agents' commands and claude_local run in PID namespaces of their own")
    way = "allow unprivileged user namespaces, run Genie as root, or use the executor claude_docker"
    seen = "no PID namespaces here: a process that leaves its group may outlive its agent"
    return Check(name="processes", state="note", seen=seen, way_out=way)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
