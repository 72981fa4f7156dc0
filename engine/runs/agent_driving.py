"""Driving the run of an agent written in Python: what it is told, what it does, and how it ends."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from db.attempts import attempt_of_task, end_attempt, next_attempt_number, open_attempt
from db.epics import Row, record_event
from db.identity import database_id
from db.journal import AttemptJournal
from db.storable import storable_text
from engine.assembling import Installation, assemble
from engine.attempts import signature_of
from engine.commands import Commands
from engine.knowledge.of_project import ProjectKnowledge
from engine.lease_keeper import Hold
from engine.leftovers import put_away
from engine.recording import RecordingJournal
from engine.running import Running
from engine.runs.agent_ending import end_agent_run
from engine.runs.agent_run import RunOfAgent
from engine.runs.agent_work import RUN, AgentWork, agent_of, executor_for, project_of, seen, source_of
from engine.runs.asking import Asking, workflow_of
from engine.runs.ground import have_start
from engine.runs.living import live
from engine.runs.recalling import prompt_with, recalled_for
from engine.runs.run_tree import RunTree, branch_for, open_tree
from engine.sessions.conversation import Conversation, OwnPrompt
from epics.errors import Environment
from epics.policy import RepositoryPolicy
from executors.port import Outcome, Owner
from nodes.context import Attempted
from timemachine.workspace import attempts_folder


async def drive_agent(installation: Installation, hold: Hold, facts: Row, order: Row) -> None:
    """Run an agent that we hold to its end; what it asked before and was answered is not asked again.

    Raises:
        GenieError: whatever stopped it here, and may be over elsewhere or later.
    """
    pool, lease = installation.database.pool, hold.lease
    running = await assemble(installation, lease, facts) if facts["repo"] else None
    row = await attempt_of_task(pool, lease.thread_id, RUN)
    if row is not None and row["result"] is not None:
        attempted = Attempted.model_validate(row["result"])
    else:
        work = await _work(installation, hold, facts, order, running)
        attempted = await _attempted(work, running, row)
    await end_agent_run(installation, lease, facts, order, running, attempted)
    if running is not None:
        await put_away(running)
    await asyncio.to_thread(_forget_folders, installation.home, lease.thread_id)


async def _work(installation: Installation, hold: Hold, facts: Row, order: Row, running: Running | None) -> AgentWork:
    pool, lease = installation.database.pool, hold.lease
    agent = await agent_of(installation, order["workflow"])
    policy = running.policy if running is not None else RepositoryPolicy()
    executor = executor_for(installation, policy, agent, facts["executor"])
    models = policy.models_for(agent.name, asked=tuple(filter(None, (facts["model"] or "").split(","))), own=agent.made_by.models)
    executor.check_models(models)

    async def note(problem: str) -> None:
        await record_event(pool, lease, "knowledge_unavailable", {"problem": problem[:500]})

    return AgentWork(
        installation=installation,
        lease=lease,
        facts=facts,
        order=order,
        agent=agent,
        executor=executor,
        models=models,
        conversation=await Conversation.open(pool, lease, seen(agent), tokens=installation.session_tokens),
        knowledge=ProjectKnowledge(installation, project_of(facts), source_of(lease.thread_id, facts), note=note),
        owner=Owner(database=await database_id(pool), epoch=lease.epoch),
    )


async def _attempted(work: AgentWork, running: Running | None, row: Row | None) -> Attempted:
    """The attempt that is the run, opened or gone on with, lived through, and ended."""
    is_new = row is None
    row = await _opened(work, running) if row is None else row
    if not is_new and row["workflow_hash"] != work.agent.content_hash:
        changed = {"agent": work.agent.name, "from": row["workflow_hash"][:12], "to": work.agent.content_hash[:12]}
        await record_event(work.installation.database.pool, work.lease, "agent_changed", changed)
    tree: RunTree | None = None
    try:
        if running is not None:
            await have_start(running, work.order)
            commands = Commands(running=running, executor=work.executor, workflow=workflow_of(work), attempt=row["n"])
            tree = await open_tree(running, commands, row, is_new=is_new)
    except Environment as error:
        outcome = Outcome(ended_by="error", error_kind="environment", error=str(error))
    else:
        outcome = await _lived(work, tree, row["brief"])
    return await _ended(work, tree, row, outcome)


async def _opened(work: AgentWork, running: Running | None) -> Row:
    """Open the attempt: its brief is the prompt as it is filled in, and what is recalled."""
    pool, agent, start = work.installation.database.pool, work.agent, work.order["start_commit"]
    own = OwnPrompt(text=agent.made_by.prompt, variables=agent.made_by.variables)
    filled = await work.conversation.filled_prompt(own, work.given)
    recalled = await recalled_for(work)
    values: dict[str, Any] = {
        "task": RUN,
        "step": agent.name,
        "workflow": agent.name,
        "workflow_hash": agent.content_hash,
        "executor": work.executor.name,
        "model": ",".join(work.models),
        "base_commit": start,
        "branch": None,
        "brief": prompt_with(filled.text, recalled).replace("\0", "\N{REPLACEMENT CHARACTER}"),
        "limit_usd": agent.made_by.limits.usd,
        "continues": None,
        "recalled": [each.model_dump(mode="json") for each in recalled],
    }
    if running is not None:
        n = await next_attempt_number(pool, work.lease)
        await have_start(running, work.order)
        values |= {"n": n, "branch": await branch_for(running, agent.name, n, start)}
    read = {"project": project_of(work.facts), "facts": len(recalled), "ids": [each.id for each in recalled]}
    before = [{"type": "memory_read", "data": read}] if work.knowledge.is_on else []
    return await open_attempt(pool, work.lease, values, before=before)


async def _lived(work: AgentWork, tree: RunTree | None, prompt: str) -> Outcome:
    run = RunOfAgent(work, Asking(work, tree, prompt), tree, prompt)
    try:
        outcome = await live(work.agent, run, work.agent.made_by.limits.seconds)
    finally:
        if run.stopped_by is not None:
            # Its agent may have caught it, and gone on as if nothing were.
            raise run.stopped_by
    clean = work.installation.database.pool.clean
    return replace(outcome, output=clean(outcome.output), error=storable_text(clean(outcome.error)))


async def _ended(work: AgentWork, tree: RunTree | None, row: Row, outcome: Outcome) -> Attempted:
    pool = work.installation.database.pool
    if tree is not None:
        rows = AttemptJournal(pool, work.lease, row["n"])
        journal = RecordingJournal(rows, tree.worktree, signature_of(row), f"{work.run_id} attempt {row['n']}", tree.running.keeper)
        attempted = await tree.end(outcome, journal)
    else:
        output = dict(outcome.output) if outcome.output is not None else None
        attempted = Attempted(
            n=row["n"], ended_by=outcome.ended_by, commit="", tree="", output=output, error=outcome.error, error_kind=outcome.error_kind
        )
    event = {
        "ended_by": attempted.ended_by,
        "files": len(attempted.files),
        "commit": attempted.commit,
        "error": attempted.error[:500],
        "cost_usd": "0",
    }
    await end_attempt(pool, work.lease, row["n"], attempted.model_dump(mode="json"), event)
    return attempted


def _forget_folders(home: Path, run_id: str) -> None:
    """Remove what its questions had on this host beside the tree."""
    place = attempts_folder(home)
    for folder in place.glob(f"{run_id}-*") if place.is_dir() else ():
        shutil.rmtree(folder, ignore_errors=True)
