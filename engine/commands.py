"""Where the commands of an attempt run: closed in, if its executor closes its agents in, else as processes of this host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agents.workflow import Workflow
from db.epics import record_event
from engine.running import Running
from executors.port import ClosesIn, Errand, Executor, Owner
from tools.processes import ProcessResult, run_process


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Runs what `genie.toml` has Genie itself run for one attempt."""

    running: Running
    executor: Executor
    workflow: Workflow
    attempt: int

    @property
    def are_closed_in(self) -> bool:
        """Whether this host is closed to them, and with it its programs."""
        return isinstance(self.executor, ClosesIn)

    @property
    def tree(self) -> Path:
        """The attempt's work tree."""
        return self.running.workspace.worktree_path(self.running.facts.id, self.attempt)

    async def run(
        self,
        work: Literal["setup", "tests"],
        command: tuple[str, ...],
        environment: Mapping[str, str],
        timeout_s: float,
        output_cap: int,
    ) -> ProcessResult:
        """Run a command in the work tree to its end.

        Raises:
            Environment: if it cannot be run.
            LeaseLost: if another worker has taken the epic over.
            StoreUnavailable: if the database does not answer.
        """
        if not isinstance(self.executor, ClosesIn):
            return await run_process(command, cwd=self.tree, env=environment, timeout_s=timeout_s, output_cap=output_cap)
        errand = Errand(
            epic=self.running.facts.id,
            attempt=self.attempt,
            workflow=self.workflow,
            work=work,
            command=command,
            environment=environment,
            seconds=timeout_s,
            output_cap=output_cap,
            tree=self.tree,
            folder=self.running.workspace.attempt_folder(self.running.facts.id, self.attempt),
            owner=owner_of(self.running),
        )
        return await self.executor.run_command(errand, self)

    async def run_tests(self, command: tuple[str, ...], environment: Mapping[str, str], timeout_s: float, output_cap: int) -> ProcessResult:
        """Run the tests, as `run` does."""
        return await self.run("tests", command, environment, timeout_s, output_cap)

    async def end_earlier(self) -> None:
        """End what a dead worker left running, before anything is done to the tree."""
        if isinstance(self.executor, ClosesIn):
            await self.executor.end_command(self.running.facts.id, self.attempt, owner_of(self.running))

    async def noted(self, kind: str, data: Mapping[str, Any]) -> None:
        """Add an event of the attempt, whose row need not be there yet."""
        await record_event(self.running.database.pool, self.running.lease, kind, {"attempt": self.attempt, **data})


def owner_of(running: Running) -> Owner:
    """Whose an attempt is that runs now."""
    return Owner(database=running.database_id, epoch=running.lease.epoch)
