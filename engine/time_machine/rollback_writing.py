"""Writing a rollback: one checkpoint, in whose transaction all of its rows are; before it nothing has begun, after it it is complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata

from db.attempts import next_attempt_number
from db.audit import audit_row
from db.epics import Row
from db.leases import Lease
from db.saver import Projector
from engine.assembling import Installation
from engine.checkpoints import config_of, project_values, saver_for
from engine.fetching_packs import bring_to_read
from engine.time_machine.rollback_plan import Rollback
from epics.errors import Conflict, GitFailed, RepositoryUnusable
from epics.going_back import Level, arrival, fields_of
from epics.state import EpicState
from graphs.epic import compile_epic_graph
from timemachine.branches import create_branch
from timemachine.commits import tree_of
from timemachine.workspace import attempt_branch, open_workspace


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What a checkpoint of the time machine adds to the rows of any other."""

    added: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...]
    problem: str
    """Why the epic is paused."""

    def with_audit(self, row: Mapping[str, Any]) -> Rows:
        """The same, with what the audit tells of it."""
        return replace(self, added={**self.added, "audit": row})

    def projector(self) -> Projector:
        """Return what projects that one checkpoint: it leaves the epic paused, unless it goes back to an end."""

        def project(thread: str, checkpoint_id: str, values: Mapping[str, Any], metadata: CheckpointMetadata) -> Mapping[str, Any] | None:
            rows = project_values(thread, checkpoint_id, values, metadata)
            if rows is None:
                return None
            paused = (
                {}
                if values.get("ended")
                else {"status": "paused", "problem": f"{self.problem}; go on from there with: genie epic resume {thread}"}
            )
            return {**rows, **paused, **self.added, "events": [*self.events, *rows["events"]]}

        return project


async def write_rollback(installation: Installation, lease: Lease, rollback: Rollback, state: EpicState) -> str:
    """Write a rollback that was drawn up under this lease, and return its branch; the work of the moment before stays where it is.

    Args:
        installation: where the epic is.
        lease: of the epic.
        rollback: what was drawn up.
        state: what the epic has from now on; its head must be kept already.

    Raises:
        LeaseLost: if another worker has taken the epic over; nothing is written.
    """
    # The number of an attempt, since those are never given again: no branch of this name can be there.
    n = await next_attempt_number(installation.database.pool, lease)
    branch = attempt_branch(lease.thread_id, "rollback", n)
    update: dict[str, Any] = {"branch": branch, "last": rollback.record.model_copy(update={"branch": branch})}
    if state.revert is not None and state.pull_request is not None:
        update["pull_request"] = state.pull_request.model_copy(update={"branch": branch})
    state = state.model_copy(update=update)
    saver = saver_for(installation.database, lease, installation.release, project=_rows(lease.thread_id, rollback, state).projector())
    graph = compile_epic_graph(saver)
    await graph.aupdate_state(at_checkpoint(lease.thread_id, rollback.checkpoint), fields_of(state), as_node=arrival(state))
    return branch


async def show_branch(installation: Installation, facts: Row, branch: str, commit: str) -> None:
    """Make a branch of the epic in the mirror of this host; where it cannot be made now, the next run makes it from its row."""
    try:
        workspace = await open_workspace(installation.home, facts["repo"], installation.git_environment)
        await bring_to_read(installation.database.pool, workspace.mirror, facts, (commit,))
        await create_branch(workspace.mirror, branch, commit)
    except (RepositoryUnusable, GitFailed, Conflict):
        # What is written is done, and must not be told as if it had failed. A branch of this name is from before a restore of the database.
        return


async def tree_here(installation: Installation, facts: Row, commit: str) -> str:
    """The tree of a commit of an epic; empty where the repository cannot be read now."""
    try:
        workspace = await open_workspace(installation.home, facts["repo"], installation.git_environment)
        await bring_to_read(installation.database.pool, workspace.mirror, facts, (commit,))
        return await tree_of(workspace.mirror.git, commit)
    except RepositoryUnusable:
        return ""


def at_checkpoint(epic_id: str, checkpoint: str) -> RunnableConfig:
    """The LangGraph config of an epic at one of its checkpoints."""
    config = config_of(epic_id)
    return {**config, "configurable": {**config.get("configurable", {}), "checkpoint_ns": "", "checkpoint_id": checkpoint}}


def _rows(epic: str, rollback: Rollback, state: EpicState) -> Rows:
    outside = [deed.model_dump(mode="json") for deed in rollback.outside]
    facts = {"kind": rollback.kind, "level": rollback.level, "to": rollback.to, "by": rollback.by, "guidance": rollback.guidance}
    # To take back what is merged is for a person to approve, who was not asked when the epic was started with --yes.
    more = {"effects": outside, "command": rollback.command, "keeps_yes": state.revert is None}
    added: dict[str, Any] = {"rollback": {**facts, **more}}
    if rollback.level is Level.FULL:
        if state.pull_request is not None:
            added["pull_request"] = state.pull_request.model_dump(mode="json")
        else:
            added["closes_pull_request"] = True
    event = {"type": "epic_rolled_back", "data": {**facts, "from": rollback.before, "outside": outside, "next": state.ended or state.step}}
    rows = Rows(added=added, events=(event,), problem=rollback.record.note)
    if rollback.command is not None:
        # Told when it was asked for, by whom nobody here is.
        return rows
    deed = "undo" if rollback.kind == "undo" else "rollback"
    told = {"to": rollback.to, "level": rollback.level, "from": rollback.before, "reverts": rollback.kind == "revert"}
    return rows.with_audit(audit_row(deed, kind="epic", subject=epic, epic=epic, data=told))
