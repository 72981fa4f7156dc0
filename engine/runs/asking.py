"""What an agent asks its model in one run: each question is an attempt, which is bought once and answered for ever."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal, cast

from pydantic import BaseModel
from structlog.contextvars import bound_contextvars

from agents.python_agent import Answer
from agents.workflow import Boundaries, Limits, Workflow
from db.attempts import attempt_of_task, end_attempt, open_attempt
from db.connection import Connection
from db.epics import Row, fetch_one
from db.journal import AttemptJournal
from engine.attempts import signature_of
from engine.draining import HandedOver
from engine.mcp.starting import AttemptServers
from engine.postponing import retries_so_far
from engine.recording import RecordingJournal, turn_of
from engine.recovering import face_cut_question
from engine.runs.agent_reach import reach_for
from engine.runs.agent_work import AgentWork
from engine.runs.run_tree import RunTree
from epics.errors import ModelUnavailable
from epics.policy import OWN_CONFIGURATION
from executors.port import Order, Outcome, TakesHistory, Talk, Turn
from nodes.context import Attempted
from timemachine.workspace import attempts_folder
from tools.builtin import builtin_tools
from tools.declaring import AgentTool
from tools.permitting import MCP

_NEED_A_TREE = frozenset({"files", "version_control"})
"""Categories of tools that are of no use on no repository."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked, and of what type the answer is; words if None."""

    message: str
    output: type[BaseModel] | None = None


class Asking:
    """The questions of one run, numbered as they are asked; after a crash the n-th is the n-th again (durability rules 15 and 16)."""

    def __init__(self, work: AgentWork, tree: RunTree | None, prompt: str) -> None:
        """Bind to a run, its files and what its model is told first."""
        self._work = work
        self._tree = tree
        self._prompt = prompt
        self._asked = 0
        self._one_at_a_time = asyncio.Lock()
        self._until = time.monotonic() + work.agent.made_by.limits.seconds

    async def ask(self, question: Question) -> Attempted:
        """Ask, go on with a question that a crash left, or return what the same question was answered before.

        Raises:
            AttemptCut: if a crash cut it off in the middle of a deed, after which the agent is not to go on.
            HandedOver: if this process is to end.
            ModelUnavailable: if no model answers now, and the run may be put off.
            LeaseLost: if another worker has taken the run over.
            StoreUnavailable: if the database does not answer.
        """
        async with self._one_at_a_time:
            work = self._work
            if work.installation.draining.is_set():
                raise HandedOver
            self._asked += 1
            row = await attempt_of_task(work.installation.database.pool, work.run_id, f"ask-{self._asked}")
            if row is not None and row["result"] is not None:
                answered = Attempted.model_validate(row["result"])
                if self._tree is not None:
                    await self._tree.put_to(answered.commit)
                return answered
            row = await self._open(question) if row is None else await self._recover(row)
            return await self._answer(row, question)

    async def _open(self, question: Question) -> Row:
        work, pool = self._work, self._work.installation.database.pool
        limit = work.agent.made_by.limits.usd
        values = {
            "task": f"ask-{self._asked}",
            "step": work.agent.name,
            "workflow": work.agent.name,
            "workflow_hash": work.agent.content_hash,
            "executor": work.executor.name,
            "model": ",".join(work.models),
            "base_commit": await self._tree.saved(f"before question {self._asked}") if self._tree is not None else "",
            "branch": None,
            # No column takes a NUL.
            "brief": question.message.replace("\0", "\N{REPLACEMENT CHARACTER}"),
            "limit_usd": None if limit is None else max(limit - (await self._used())["cost_usd"], Decimal(0)),
            "continues": None,
        }
        return await open_attempt(pool, work.lease, values)

    async def _recover(self, row: Row) -> Row:
        """Put the files to what the last whole turn left, unless what was cut off ends the run."""
        work, pool = self._work, self._work.installation.database.pool
        turns = await AttemptJournal.read(pool, work.run_id, row["n"])
        await face_cut_question(pool, work.lease, workflow_of(work), row, turns, self._own_tools)
        if self._tree is not None:
            saved = [turn for turn in turns if turn["tree"] is not None]
            await self._tree.put_to(*((saved[-1]["tree"], saved[-1]["head"]) if saved else (row["base_commit"],)))
        return row

    async def _answer(self, row: Row, question: Question) -> Attempted:
        work, pool, tree = self._work, self._work.installation.database.pool, self._tree
        rows = AttemptJournal(pool, work.lease, row["n"])
        keeper = tree.running.keeper if tree is not None else None
        label = f"{work.run_id} attempt {row['n']}"
        journal = RecordingJournal(rows, tree.worktree if tree is not None else None, signature_of(row), label, keeper)
        order = await self._order(row, question)
        with bound_contextvars(attempt=row["n"]):
            async with AttemptServers(work.server_ground) as servers:
                await servers.begin(order.workflow, work.executor)
                if servers.begun is not None and not order.has_tree:
                    order.folder.mkdir(parents=True, exist_ok=True)
                outcome = await work.executor.run(replace(order, servers=servers.begun), journal)
        if outcome.error_kind == "unavailable" and await retries_so_far(work.installation.database, work.run_id) < self._retries:
            raise ModelUnavailable(outcome.error)
        outcome = replace(outcome, output=pool.clean(outcome.output), error=pool.clean(outcome.error))
        attempted = await self._attempted(row, outcome, journal)
        await self._end(row, order, attempted, await journal.turns() if attempted.ended_by == "done" else ())
        return attempted

    async def _end(self, row: Row, order: Order, attempted: Attempted, turns: tuple[Turn, ...]) -> None:
        from executors.talking import messages_of  # noqa: PLC0415  # pydantic-ai takes a second to import

        work, ask = self._work, self._asked
        said = messages_of(order, turns, attempted.output or {}) if attempted.ended_by == "done" else []
        cost = await fetch_one(work.installation.database.pool, "attempt_usage", {"epic": work.run_id, "attempt": row["n"]})

        async def keep(connection: Connection, _: str) -> None:
            if said:
                await work.conversation.keep(connection, said, ask=ask)

        event = {
            "ended_by": attempted.ended_by,
            "files": 0,
            "commit": attempted.commit,
            "error": attempted.error[:500],
            "cost_usd": format(cost["cost_usd"] if cost else Decimal(0), "f"),
        }
        pool = work.installation.database.pool
        await end_attempt(pool, work.lease, row["n"], attempted.model_dump(mode="json"), event, within=keep)

    async def _attempted(self, row: Row, outcome: Outcome, journal: RecordingJournal) -> Attempted:
        refused = journal.refusal if outcome.ended_by == "budget" else None
        return Attempted(
            n=row["n"],
            ended_by=outcome.ended_by,
            commit=await self._tree.saved(f"after question {self._asked}") if self._tree is not None else "",
            tree="",
            output=dict(outcome.output) if outcome.output is not None else None,
            error=outcome.error,
            error_kind=outcome.error_kind,
            scope=cast("Literal['attempt', 'epic', 'project'] | None", refused.scope if refused else None),
            limit_usd=format(refused.limit_usd, "f") if refused else "",
            spent_usd=format(refused.spent_usd, "f") if refused else "",
        )

    async def _order(self, row: Row, question: Question) -> Order:
        work, tree = self._work, self._tree
        folder = attempts_folder(work.installation.home) / f"{work.run_id}-{row['n']}"
        has_messages = isinstance(work.executor, TakesHistory)
        return Order(
            epic=work.run_id,
            attempt=row["n"],
            workflow=self._workflow(question.output or Answer, (await self._used(row["n"]))["turns"]),
            brief=question.message,
            tree=tree.path if tree is not None else folder,
            models=tuple(name for name in row["model"].split(",") if name),
            allowed_paths=("**",),
            forbidden_paths=tuple(OWN_CONFIGURATION),
            environment=tree.environment if tree is not None else work.installation.environment,
            folder=folder,
            owner=work.owner,
            continues=() if has_messages else await self._asked_before(row["n"]),
            reach=reach_for(work, row["n"], tree),
            has_tree=tree is not None,
            talk=Talk(
                prompt=self._prompt,
                history=tuple(await work.conversation.history(ask=self._asked)) if has_messages else (),
                tools=self._own_tools,
                in_words=question.output is None,
            ),
        )

    def _workflow(self, output: type[BaseModel], turns_used: int) -> Workflow:
        """What an executor is told of the agent, in the words of a workflow."""
        agent = self._work.agent
        named = [name for name in agent.made_by.tools if isinstance(name, str)]
        of_servers = [name for name in named if name.startswith(MCP)]
        listed = builtin_tools().select(name for name in named if name not in of_servers)
        tools = (*(tool.name for tool in listed if self._tree is not None or tool.category not in _NEED_A_TREE), *of_servers)
        limits = agent.made_by.limits
        left = Limits(turns=max(limits.turns - turns_used, 0), seconds=max(self._until - time.monotonic(), 1.0), usd=limits.usd)
        return workflow_of(self._work, output=output, tools=tools, limits=left)

    async def _asked_before(self, n: int) -> tuple[Turn, ...]:
        """The turns of the session so far, of an executor that goes on from its own."""
        work, pool = self._work, self._work.installation.database.pool
        rows = await AttemptJournal.read_before(pool, work.run_id, n, work.executor.name)
        return tuple(turn_of(row) for row in rows)

    async def _used(self, n: int = 0) -> Row:
        """What the run has used so far, beside one of its attempts."""
        row = await fetch_one(self._work.installation.database.pool, "used_in_run", {"run": self._work.run_id, "n": n})
        return row or {"turns": 0, "cost_usd": Decimal(0)}

    @property
    def _own_tools(self) -> tuple[AgentTool, ...]:
        return tuple(tool for tool in self._work.agent.made_by.tools if isinstance(tool, AgentTool))

    @property
    def _retries(self) -> int:
        return self._work.installation.dispatch.retries


def workflow_of(
    work: AgentWork, *, output: type[BaseModel] = Answer, tools: tuple[str, ...] = (), limits: Limits | None = None
) -> Workflow:
    """An agent in the words of a workflow, which executors and endings of attempts are written for."""
    agent: Any = work.agent
    return Workflow(
        name=agent.name,
        description=agent.made_by.description,
        output=output,
        prompt="",
        tools=tools,
        limits=limits or agent.made_by.limits,
        boundaries=Boundaries(),
        on_crash=agent.made_by.on_crash,
        executor=None,
        models=agent.made_by.models,
        mcp_servers=agent.mcp_servers,
        content_hash=agent.content_hash,
        folder=agent.folder,
    )
