"""What `genie doctor` says of the Claude Code CLI and of the processes that agents run in."""

from __future__ import annotations

from pathlib import Path

from cli.check import Check
from cli.errors import sentence_of
from engine.claude_cli import TRIED, WAY_OUT, look_for_cli
from epics.errors import Environment


def claude_check(configured: Path | None, executor: str | None) -> Check:
    """Whether the CLI that `claude_local` starts is there, and which version it has; in the way only of who has chosen it."""
    try:
        found = look_for_cli(configured)
    except Environment as error:
        is_wanted = executor == "claude_local" or configured is not None
        way = "only the executor claude_local needs it"
        return Check(name="claude", state="failed" if is_wanted else "note", seen=sentence_of(error), way_out=way)
    seen = f"Claude Code {found.version}, from {found.origin}: {found.path}"
    if found.is_older:
        return Check(name="claude", state="note", seen=seen, way_out=f"Genie was tried with {TRIED}: {WAY_OUT}")
    return Check(name="claude", state="ok", seen=seen)


def containment_check(*, namespaces: bool) -> Check:
    """Whether what an agent starts on this host can be ended for certain."""
    if namespaces:
        return Check(name="processes", state="ok", seen="agents' commands and claude_local run in PID namespaces of their own")
    way = "allow unprivileged user namespaces, run Genie as root, or use the executor claude_docker"
    seen = "no PID namespaces here: a process that leaves its group may outlive its agent"
    return Check(name="processes", state="note", seen=seen, way_out=way)
