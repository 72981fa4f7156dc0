"""Where the graph meets the database: the saver of one run, and how its checkpoints are projected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata

from db.connection import Database
from db.leases import Lease
from db.saver import FencedSaver, Projector
from epics.projection import project
from epics.state import EpicState
from epics.upgrades import THIS_RELEASE, Release

# A resume whose interrupt is not open any more is refused, not dropped in silence (durability rule 11).
_STRICT: Final = "__pregel_strict_resume"


def saver_for(
    database: Database, lease: Lease, release: Release = THIS_RELEASE, *, project: Projector | None = None, after: str | None = None
) -> FencedSaver:
    """A saver for one run; folded, since the epic graph has one task per superstep.

    Args:
        database: where the checkpoints are.
        lease: of the epic.
        release: what can be read, and what is written.
        project: makes the rows of its checkpoints; by default those of a step.
        after: another thread whose checkpoints are older than all that this saver writes: that which is copied from.
    """
    return FencedSaver(database.pool, lease, project=project or project_values, folded=True, release=release, after=after)


def config_of(epic_id: str) -> RunnableConfig:
    """The LangGraph config of an epic; the thread id is the epic's id."""
    return {"configurable": {"thread_id": epic_id, _STRICT: True}}


def project_values(thread: str, checkpoint_id: str, values: Mapping[str, Any], metadata: CheckpointMetadata) -> Mapping[str, Any] | None:
    """The projection of a checkpoint's channel values; none before the state is there."""
    if "head" not in values:
        return None
    state = EpicState.model_construct(**{name: value for name, value in values.items() if name in EpicState.model_fields})
    return project(thread, checkpoint_id, state, finished=metadata.get("source") in {"loop", "update"})
