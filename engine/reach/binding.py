"""What the tools of an attempt may reach, bound to the epic or run that it is of."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from agents.workflow import Network
from engine.assembling import Installation
from engine.knowledge.of_project import ProjectKnowledge
from engine.reach.history import TreeHistory
from engine.reach.records import SharedTasks, Watchers
from engine.reach.web import ReachableWeb, SearchEngine
from engine.running import Running
from epics.knowledge import Source
from epics.runs import is_run
from timemachine.worktrees import Worktree
from tools.context import ToolContext


def with_reach(installation: Installation, running: Running) -> Running:
    """Let the attempts of an epic or run have tools that reach beyond their work tree."""

    def reach(attempt: int, worktree: Worktree, network: Network) -> ToolContext:
        return reach_of(installation, running, attempt, worktree=worktree, network=network)

    return replace(running, reach=reach)


def reach_of(
    installation: Installation,
    running: Running,
    attempt: int,
    *,
    worktree: Worktree | None = None,
    network: Network | None = None,
    session: str | None = None,
) -> ToolContext:
    """Return the ports of one attempt.

    Args:
        installation: whose knowledge and settings are used.
        running: the epic or run.
        attempt: its number.
        worktree: where its files are; without one there is no git history.
        network: what it may reach; None for every host of the public internet.
        session: the conversation that it belongs to, whose list of tasks it shares.
    """
    pool, lease, epic = running.database.pool, running.lease, running.facts
    kind: Literal["epic", "run"] = "run" if is_run(epic.id) else "epic"
    source = Source(kind=kind, id=epic.id, attempt=attempt)
    engine = SearchEngine(url=installation.search_url, key=installation.search_key) if installation.search_url else None
    return ToolContext(
        history=TreeHistory(worktree) if worktree is not None else None,
        knowledge=ProjectKnowledge(installation, epic.repo, source) if epic.repo else None,
        tasks=SharedTasks(pool, lease, session),
        people=Watchers(pool, lease, attempt),
        web=ReachableWeb(network=network, engine=engine),
        session=session,
    )
