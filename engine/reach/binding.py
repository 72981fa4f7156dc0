"""What the tools of a workflow's attempt may reach, bound to the epic or run that it is of."""

from __future__ import annotations

from dataclasses import replace

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
    pool, lease, epic = running.database.pool, running.lease, running.facts
    engine = SearchEngine(url=installation.search_url, key=installation.search_key) if installation.search_url else None

    def reach(attempt: int, worktree: Worktree, network: Network) -> ToolContext:
        source = Source(kind="run" if is_run(epic.id) else "epic", id=epic.id, attempt=attempt)
        knowledge = ProjectKnowledge(installation, epic.repo, source)
        return ToolContext(
            history=TreeHistory(worktree),
            knowledge=knowledge if knowledge.is_on else None,
            tasks=SharedTasks(pool, lease, session=None),
            people=Watchers(pool, lease, attempt),
            web=ReachableWeb(network=network, engine=engine),
        )

    return replace(running, reach=reach)
