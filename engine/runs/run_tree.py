"""The work tree of an agent's run: made once, put back to what each question left after a crash, ended as any attempt's is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.workflow import Workflow
from db.epics import Row
from engine.attempts import signature_of
from engine.commands import Commands, owner_of
from engine.configuration import show_configuration
from engine.ending import Ending, end_work
from engine.orders import forbidden_to
from engine.preparing import make_ready
from engine.recording import RecordingJournal
from engine.running import Running
from epics.errors import Environment
from executors.port import Order, Outcome
from nodes.context import Assignment, Attempted
from timemachine.branches import create_branch
from timemachine.mirrors import protect
from timemachine.recovery import restore_worktree
from timemachine.shelf import ready_worktree
from timemachine.snapshots import snapshot
from timemachine.workspace import attempt_branch
from timemachine.worktrees import Worktree


@dataclass(kw_only=True)
class RunTree:
    """The work tree of one run, which its agent and all that it asks share."""

    running: Running
    commands: Commands
    row: Row
    """The attempt that is the run."""
    worktree: Worktree
    environment: Mapping[str, str]

    @property
    def path(self) -> Path:
        """Where its files are."""
        return self.worktree.path

    async def saved(self, what: str) -> str:
        """Keep the files as they are, where any host finds them, and return the commit."""
        taken = await snapshot(self.worktree, signature=signature_of(self.row), message=f"{self.running.facts.id} {what}\n")
        await protect(self.worktree.mirror, taken.commit)
        await self.running.keeper.keep(taken.commit, beside=(self.row["base_commit"],))
        return taken.commit

    async def put_to(self, files: str, head: str | None = None) -> None:
        """Put the files to what a commit has; what is there otherwise is set aside."""
        start = self.row["base_commit"]
        self.worktree = await restore_worktree(
            self.running.workspace.mirror, self.path, files=files, head=head or start, signature=signature_of(self.row)
        )

    async def end(self, outcome: Outcome, journal: RecordingJournal) -> Attempted:
        """Commit what is there, hold it against the bounds, and put the tree away; the same again after a crash."""
        running, workflow = self.running, self.commands.workflow
        assignment = assignment_of(running, workflow, self.row["base_commit"])
        order = Order(
            epic=running.facts.id,
            attempt=self.row["n"],
            workflow=workflow,
            brief="",
            tree=self.path,
            models=(),
            allowed_paths=workflow.boundaries.allowed,
            forbidden_paths=forbidden_to(assignment, workflow),
            environment=self.environment,
            folder=running.workspace.attempt_folder(running.facts.id, self.row["n"]),
            owner=owner_of(running),
        )
        ending = Ending(
            running=running,
            assignment=assignment,
            order=order,
            row=self.row,
            worktree=self.worktree,
            signature=signature_of(self.row),
            environment=self.environment,
            commands=self.commands,
        )
        return await end_work(ending, outcome, journal)


def assignment_of(running: Running, workflow: Workflow, start: str) -> Assignment:
    """What an agent's run is, in the words of a step."""
    variables: Mapping[str, Any] = {"conflicts": ()}
    return Assignment(
        task_id="run", step=workflow.name, workflow=workflow.name, at=start, base=running.facts.base_commit, variables=variables
    )


async def branch_for(running: Running, agent: str, n: int, start: str) -> str:
    """The branch of a run, made where its work begins."""
    branch = attempt_branch(running.facts.id, agent, n)
    await create_branch(running.workspace.mirror, branch, start)
    return branch


async def open_tree(running: Running, commands: Commands, row: Row, *, is_new: bool) -> RunTree:
    """Make the work tree of a run ready, or put it back to where the run began: what was asked since then puts it on.

    Raises:
        Environment: if this machine does not let us, with what its setup command said.
    """
    mirror, start = running.workspace.mirror, row["base_commit"]
    await commands.end_earlier()
    if is_new:
        worktree = await ready_worktree(mirror, commands.tree, start)
    else:
        worktree = await restore_worktree(mirror, commands.tree, files=start, head=start, signature=signature_of(row))
    await show_configuration(worktree, running.facts.base_commit)
    ready = await make_ready(commands, worktree, running.facts.base_commit)
    if ready.problem:
        raise Environment(ready.problem)
    return RunTree(running=running, commands=commands, row=row, worktree=worktree, environment=ready.environment)
