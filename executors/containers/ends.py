"""How a container ended, told apart by what the daemon and the first process say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from executors.claude.port import Exit
from executors.image.guest import DEADLINE_PASSED, DISK_FULL

Status = Literal["created", "running", "paused", "restarting", "removing", "exited", "dead"]

_KILLED: Final = 137
_TOLD_TO_STOP: Final = 143
_NO_MEMORY: Final = frozenset({132, 134, _KILLED, 139})
"""Killed by the kernel, or ended by itself because it was given no memory: abort, illegal instruction, segmentation fault."""
_NO_SPACE: Final = ("ENOSPC", "No space left on device", "Disk quota exceeded")
_SAID: Final = 500


@dataclass(frozen=True, kw_only=True)
class State:
    """A container as the daemon shows it."""

    status: Status
    code: int
    out_of_memory: bool
    error: str

    @property
    def lives(self) -> bool:
        """Whether something still runs in it."""
        return self.status in {"running", "paused", "restarting"}

    @classmethod
    def of(cls, shown: Mapping[str, Any]) -> Self:
        """Read the answer to inspect."""
        state = shown["State"]
        return cls(
            status=state["Status"],
            code=int(state.get("ExitCode") or 0),
            out_of_memory=bool(state.get("OOMKilled")),
            error=str(state.get("Error") or ""),
        )


def exit_of(state: State, errors: str, *, daemon_was_away: bool, memory_mb: int) -> Exit:
    """The end of a container that we have not ended ourselves.

    Args:
        state: how it stands.
        errors: the end of its standard error.
        daemon_was_away: whether the daemon did not answer for a while before.
        memory_mb: what it might use.
    """
    code, tail = state.code, " ".join(errors.split())[-_SAID:]
    if code == 0:
        return Exit(code=0, said=tail)
    if code == DEADLINE_PASSED and "genie: the deadline" in errors:
        return Exit(code=code, cause="timeout", said="the container came to its deadline")
    if code == DISK_FULL and "genie: less than" in errors:
        return Exit(code=code, cause="disk_full", said=tail.rpartition("genie: ")[2])
    if state.out_of_memory and code in _NO_MEMORY:
        said = f"the agent and its commands used more than the {memory_mb} MiB of memory that they may: raise GENIE_AGENT_MEMORY_MB"
        return Exit(code=code, cause="out_of_memory", said=said)
    if daemon_was_away:
        return Exit(code=code, cause="daemon_lost", said="the Docker daemon was stopped or started anew, and the container ended with it")
    if code in {_KILLED, _TOLD_TO_STOP} or "genie: told to stop" in errors:
        return Exit(code=code, cause="stopped", said="somebody ended the container from outside (docker stop, docker kill)")
    if any(mark in errors for mark in _NO_SPACE):
        return Exit(code=code, cause="disk_full", said=f"no space was left where the agent wrote: {tail}")
    return Exit(code=code, said=tail)
