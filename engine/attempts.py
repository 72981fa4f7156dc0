"""Running an attempt: opened once per task of the graph, gone on with after a crash, ended once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from structlog.contextvars import bound_contextvars

from agents.rendering import render_brief
from agents.workflow import Workflow
from db.analyses import attempt_before
from db.attempts import attempt_of_task, end_attempt, keep_setup, next_attempt_number, open_attempt
from db.epics import Row, fetch_one
from db.journal import AttemptJournal
from engine.commands import Commands, owner_of
from engine.configuration import show_configuration
from engine.draining import HandedOver, Rests
from engine.ending import Ending, end_work
from engine.mcp.starting import AttemptServers, ground_of
from engine.orders import bounds_of, forbidden_to, note_of
from engine.postponing import retries_so_far
from engine.preparing import Ready, make_ready, own_environment
from engine.recording import RecordingJournal, turn_of
from engine.recovering import face_cut
from engine.running import Running
from engine.saying import said_before
from engine.suites import suite_in
from engine.time_machine.configuration_change import changes, configuration_of, narrowed, offered
from epics.errors import Environment, GenieError, ModelUnavailable
from executors.mcp.opening import Servers
from executors.port import Executor, Order, Outcome, Outlives, Turn
from executors.sayings import numbers
from nodes.context import Assignment, Attempted
from timemachine.branches import create_branch
from timemachine.commits import Signature
from timemachine.recovery import restore_worktree
from timemachine.shelf import ready_worktree
from timemachine.workspace import attempt_branch
from timemachine.worktrees import Worktree, find_worktree
from tools.suite import Suite


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An attempt with its work tree ready, or with the problem that keeps it from being so."""

    row: Row
    workflow: Workflow
    worktree: Worktree
    environment: Mapping[str, str]
    """Of all commands of the attempt: with the values that it alone has."""
    commands: Commands
    problem: str


class EpicAttempts:
    """Implements `nodes.context.Attempts` for one run of one epic."""

    def __init__(self, running: Running) -> None:
        """Bind to a run."""
        self._running = running

    async def run(self, assignment: Assignment) -> Attempted:
        """Run an attempt to its end, go on with one that a crash left, or return the one that has ended.

        Raises:
            LeaseLost: if another worker has taken the epic over.
            StoreUnavailable: if the database does not answer; the attempt can be gone on with.
            ModelUnavailable: if no model answers now, and the epic may be put off; the attempt can be gone on with.
            HandedOver: if this process is to end.
            Rests: if the epic does not begin this step by itself.
        """
        running = self._running
        if running.draining.is_set():
            raise HandedOver
        if assignment.step == running.rests_before:
            raise Rests
        row = await attempt_of_task(running.database.pool, running.facts.id, assignment.task_id)
        if row is not None and row["result"] is not None:
            return Attempted.model_validate(row["result"])
        workflow = running.registry.get(assignment.workflow)
        if row is not None:
            workflow = narrowed(workflow, row["configuration"])
        # Left however the attempt ends, or is handed over: no server outlives it.
        async with AttemptServers(ground_of(running)) as servers:
            opened = await (self._open(assignment, workflow, servers) if row is None else self._recover(assignment, workflow, row, servers))
            return await self._work(assignment, opened, servers.begun)

    async def _open(self, assignment: Assignment, whole: Workflow, servers: AttemptServers) -> Opened:
        running = self._running
        before = await attempt_before(running.database.pool, running.facts.id, assignment.step) or {}
        workflow = offered(whole, before)
        n = await next_attempt_number(running.database.pool, running.lease)
        start = await self._start_of(assignment)
        executor, models = self._choice(workflow)
        await servers.begin(workflow, executor)
        commands = Commands(running=running, executor=executor, workflow=workflow, attempt=n)
        await commands.end_earlier()
        worktree = await ready_worktree(running.workspace.mirror, commands.tree, start)
        servers.tree_is_there(worktree.path)
        ready = await self._prepare(assignment, worktree, commands)
        suite = await self._suite(commands, ready.environment)
        sayings = await said_before(running.database.pool, running.facts.id)
        variables = {
            **assignment.variables,
            "attempt_note": note_of(n, assignment, sayings),
            "test_command": suite.text if suite else None,
            "allowed_paths": bounds_of(assignment, workflow),
            "forbidden_paths": forbidden_to(assignment, workflow),
        }
        values = {
            "n": n,
            "task": assignment.task_id,
            "step": assignment.step,
            "workflow": workflow.name,
            "workflow_hash": workflow.content_hash,
            "executor": executor.name,
            "model": ",".join(models),
            "base_commit": start,
            "branch": await self._branch(assignment, workflow, n, start),
            # No column takes a NUL, which a diff can have.
            "brief": render_brief(workflow, variables).replace("\0", "\N{REPLACEMENT CHARACTER}"),
            "limit_usd": await self._limit(assignment, workflow),
            "continues": assignment.continues,
            "heard": numbers(sayings),
        }
        configuration = configuration_of(values, whole, workflow, variables)
        told = {
            "configuration": configuration,
            "changed": changes(before.get("configuration"), configuration),
            "lessons": [lesson.model_dump(mode="json") for lesson in variables["lessons"]],
            "recalled": [memory.model_dump(mode="json") for memory in variables["recalled"]],
        }
        row = await open_attempt(running.database.pool, running.lease, {**values, **told, "setup": ready.setup})
        return opened_with(ready, commands, row, worktree)

    async def _branch(self, assignment: Assignment, workflow: Workflow, n: int, start: str) -> str | None:
        """The attempt's own branch, made at its start; none for one that changes no file."""
        if not workflow.boundaries.allowed and assignment.own_files is None:
            return None
        branch = attempt_branch(self._running.facts.id, workflow.name, n)
        await create_branch(self._running.workspace.mirror, branch, start)
        return branch

    async def _recover(self, assignment: Assignment, workflow: Workflow, row: Row, servers: AttemptServers) -> Opened:
        """Put the tree of a crashed attempt back to what its last whole turn left (durability rule 16).

        Raises:
            AttemptCut: if only a person may say that it goes on.
        """
        running = self._running
        turns = await AttemptJournal.read(running.database.pool, running.facts.id, row["n"])
        saved = [turn for turn in turns if turn["tree"] is not None]
        files, head = (saved[-1]["tree"], saved[-1]["head"]) if saved else (row["base_commit"], row["base_commit"])
        commands = Commands(running=running, executor=self._executor(row["executor"]), workflow=workflow, attempt=row["n"])
        await servers.begin(workflow, commands.executor)
        await commands.end_earlier()
        path = commands.tree
        if (at_work := await self._still_at_work(row, path)) is not None:
            servers.tree_is_there(at_work.path)
            return opened_with(Ready(environment=await own_environment(running, row["n"])), commands, row, at_work)
        await face_cut(running, workflow, row, turns, path, signature_of(row))
        worktree = await restore_worktree(running.workspace.mirror, path, files=files, head=head, signature=signature_of(row))
        servers.tree_is_there(worktree.path)
        # The tree may be a new one, without what git ignores.
        ready = await self._prepare(assignment, worktree, commands, configure=not saved)
        if ready.setup is not None:
            await keep_setup(running.database.pool, running.lease, row["n"], ready.setup)
        return opened_with(ready, commands, row, worktree)

    async def _still_at_work(self, row: Row, path: Path) -> Worktree | None:
        """The tree in which the attempt's agent goes on although its worker died: it is the agent's, and must be left as it is."""
        executor = self._executor(row["executor"])
        if not isinstance(executor, Outlives) or not await executor.lives(self._running.facts.id, row["n"], owner_of(self._running)):
            return None
        return find_worktree(self._running.workspace.mirror, path)

    async def _work(self, assignment: Assignment, opened: Opened, servers: Servers | None) -> Attempted:
        running, row = self._running, opened.row
        rows = AttemptJournal(running.database.pool, running.lease, row["n"])
        signature = signature_of(row)
        journal = RecordingJournal(rows, opened.worktree, signature, f"{running.facts.id} attempt {row['n']}", running.keeper)
        suite = await self._suite(opened.commands, opened.environment)
        order = Order(
            epic=running.facts.id,
            attempt=row["n"],
            workflow=opened.workflow,
            brief=row["brief"],
            tree=opened.worktree.path,
            models=tuple(name for name in row["model"].split(",") if name),
            allowed_paths=bounds_of(assignment, opened.workflow),
            forbidden_paths=forbidden_to(assignment, opened.workflow),
            # That of the tests, so that the agent's commands and the test step see the same packages.
            environment={**opened.environment, **(suite.environment if suite else {})},
            folder=running.workspace.attempt_folder(running.facts.id, row["n"]),
            owner=owner_of(running),
            servers=servers,
            continues=await self._continued(row),
            reach=running.reach(row["n"], opened.worktree, opened.workflow.network),
        )
        if opened.problem:
            outcome = Outcome(ended_by="error", error_kind="environment", error=opened.problem)
        else:
            with bound_contextvars(attempt=row["n"]):
                outcome = await self._executor(row["executor"]).run(order, journal)
        if outcome.error_kind == "unavailable" and await retries_so_far(running.database, running.facts.id) < running.retries:
            raise ModelUnavailable(outcome.error)
        outcome = self._without_secrets(outcome)
        ending = Ending(
            running=running,
            assignment=assignment,
            order=order,
            row=row,
            worktree=opened.worktree,
            signature=signature,
            environment=opened.environment,
            commands=opened.commands,
        )
        attempted = await end_work(ending, outcome, journal)
        event = {
            "ended_by": attempted.ended_by,
            "files": len(attempted.files),
            "commit": attempted.commit,
            "error": attempted.error[:500],
            "cost_usd": format(await self._cost(row["n"]), "f"),
        }
        await end_attempt(running.database.pool, running.lease, row["n"], attempted.model_dump(mode="json"), event)
        return attempted

    def _without_secrets(self, outcome: Outcome) -> Outcome:
        """What an agent hands back goes into checkpoints, commits, events and messages; what it was told stays in the journal."""
        clean = self._running.database.pool.clean
        return replace(outcome, output=clean(outcome.output), error=clean(outcome.error))

    async def _prepare(self, assignment: Assignment, worktree: Worktree, commands: Commands, *, configure: bool = True) -> Ready:
        """Make the tree ready for an agent, and say why not where this machine does not let us: that is a failure of the attempt."""
        if configure:
            await show_configuration(worktree, assignment.base)
        return await make_ready(commands, worktree, assignment.base)

    async def _suite(self, commands: Commands, environment: Mapping[str, str]) -> Suite | None:
        """The repository's tests; a machine that cannot run them is the test step's trouble, not that of every other step."""
        try:
            return await suite_in(commands, environment)
        except Environment:
            return None

    async def _start_of(self, assignment: Assignment) -> str:
        """Where the tree begins: at the work that an attempt left when it met a limit, else where the step says."""
        if assignment.continues is None:
            return assignment.at
        row = await self._attempt(assignment.continues)
        return str(row["result"]["commit"]) if row and row["result"] else assignment.at

    async def _continued(self, row: Row) -> tuple[Turn, ...]:
        """The conversation that the attempt goes on from, oldest turn first, through all attempts before it that met a limit."""
        before = row["continues"]
        chain: list[tuple[Turn, ...]] = []
        while before is not None:
            earlier = await self._attempt(before)
            turns = await AttemptJournal.read(self._running.database.pool, self._running.facts.id, before)
            chain.append(tuple(turn_of(turn) for turn in turns if turn["results"] is not None))
            before = earlier["continues"] if earlier else None
        return tuple(turn for turns in reversed(chain) for turn in turns)

    async def _limit(self, assignment: Assignment, workflow: Workflow) -> Decimal | None:
        """What the attempt may cost: with those that it goes on from, the workflow's limit and what people added to it, and no more."""
        if workflow.limits.usd is None:
            return None
        left, before = workflow.limits.usd + assignment.extra_usd, assignment.continues
        while before is not None:
            left -= await self._cost(before)
            earlier = await self._attempt(before)
            before = earlier["continues"] if earlier else None
        return max(left, Decimal(0))

    async def _attempt(self, n: int) -> Row | None:
        return await fetch_one(self._running.database.pool, "attempt", {"epic": self._running.facts.id, "n": n})

    async def _cost(self, n: int) -> Any:  # a numeric of the database
        row = await fetch_one(self._running.database.pool, "attempt_usage", {"epic": self._running.facts.id, "attempt": n})
        return row["cost_usd"] if row else 0

    def _choice(self, workflow: Workflow) -> tuple[Executor, tuple[str, ...]]:
        running = self._running
        executor = self._executor(running.policy.executor_for(asked=running.executor, own=workflow.executor))
        models = running.policy.models_for(workflow.name, asked=running.models, own=workflow.models)
        executor.check_models(models)
        return executor, models

    def _executor(self, name: str) -> Executor:
        executor = self._running.executors.get(name)
        if executor is None:
            message = f"there is no executor {name!r}; there are {', '.join(sorted(self._running.executors))}"
            raise GenieError(message)
        return executor


def opened_with(ready: Ready, commands: Commands, row: Row, worktree: Worktree) -> Opened:
    """An attempt whose tree was made ready, or the problem with that."""
    return Opened(
        row=row, workflow=commands.workflow, worktree=worktree, environment=ready.environment, commands=commands, problem=ready.problem
    )


def signature_of(row: Mapping[str, Any]) -> Signature:
    """With which commits of an attempt are signed: from its record, so that a commit made again has the same id."""
    return Signature(name="Genie", email="genie@localhost", at=row["started_at"])
