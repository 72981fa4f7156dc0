"""Runs: one workflow on a repository, without an epic."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

KIND: Final = "r"
"""The letter with which the id of a run begins."""


class RunStatus(StrEnum):
    """Where a run is, or how it ended."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


RUN_ENDED: Final = frozenset({RunStatus.DONE, RunStatus.FAILED, RunStatus.CANCELLED})


def is_run(work_id: str) -> bool:
    """Whether what has this id is a run, and no epic."""
    return work_id.startswith(f"{KIND}-")
