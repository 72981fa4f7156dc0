"""What the tools of one question may reach, on a repository or on none."""

from __future__ import annotations

from engine.reach.history import TreeHistory
from engine.reach.records import SharedTasks, Watchers
from engine.reach.web import ReachableWeb, SearchEngine
from engine.runs.agent_work import AgentWork
from engine.runs.run_tree import RunTree
from tools.context import ToolContext


def reach_for(work: AgentWork, attempt: int, tree: RunTree | None) -> ToolContext:
    """Return the ports of a question: its code comes from the owner of the installation, so it may reach every public host."""
    here, pool, session = work.installation, work.installation.database.pool, work.conversation.session
    engine = SearchEngine(url=here.search_url, key=here.search_key) if here.search_url else None
    return ToolContext(
        history=TreeHistory(tree.worktree) if tree is not None else None,
        knowledge=work.knowledge if work.knowledge.is_on else None,
        tasks=SharedTasks(pool, work.lease, session),
        people=Watchers(pool, work.lease, attempt),
        web=ReachableWeb(network=None, engine=engine),
        session=session,
    )
