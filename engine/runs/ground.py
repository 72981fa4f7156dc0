"""Where a run begins in its repository, and where its branch is shown."""

from __future__ import annotations

from db.epics import Row
from engine.effects import RecordedRepository
from engine.running import Running
from epics.errors import GitFailed, RepositoryUnusable
from nodes.context import Attempted
from timemachine.commits import commit_of
from timemachine.revisions import fetch_revision, resolve_revision


async def have_start(running: Running, order: Row) -> None:
    """Have the commit that the run starts from on this host, and keep it for others: it may be on no branch by then."""
    mirror, start = running.workspace.mirror, order["start_commit"]
    if await commit_of(mirror.git, start) is None:
        try:
            await fetch_revision(mirror, start)
        except RepositoryUnusable:
            # Some servers give no commit by its id, but what a branch or a tag holds.
            if order["revision"] is None or await resolve_revision(mirror, order["revision"]) != start:
                raise
    tip = await mirror.cached_base(running.facts.base) or running.facts.base_commit
    await running.keeper.keep_on_base(start, tip)


async def publish(running: Running, attempted: Attempted) -> str:
    """Show the branch in the person's repository if there is work on it; why not where that fails, which takes nothing from the run."""
    if attempted.branch is None or not attempted.files or attempted.violations:
        return ""
    try:
        return await RecordedRepository(running).publish(attempted.branch)
    except (RepositoryUnusable, GitFailed) as error:
        return str(error)
