"""The repository of an epic, as the nodes know it, on the time machine's git."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.lfs_contents import bring_contents_here
from engine.reading_repository import ReadRepository
from engine.running import Running
from nodes.context import BroughtIn, Landing
from timemachine.branches import advance_branch, branch_commit, publish
from timemachine.commits import Signature, commit_of, is_ancestor, tree_of
from timemachine.landing import BaseMoved, Landed, Refused, TargetDirty, land
from timemachine.looking import published_commit
from timemachine.merges import Conflicted, bring_in


class EpicRepository(ReadRepository):
    """Implements `nodes.context.Repository` for one run of one epic."""

    def __init__(self, running: Running) -> None:
        """Bind to a run."""
        super().__init__(running.workspace.mirror, running.registry)
        self._running = running

    async def publish(self, branch: str) -> str:
        """Push a branch of the epic to the user's repository, never by force; says why not where that fails, else nothing."""
        await self._bring_contents(await branch_commit(self._mirror, branch))
        published = await publish(self._mirror, (branch,))
        return "; ".join(f"{failed.branch}: {failed.why}" for failed in published.refused)

    async def bring_in(self, head: str, base: str, branch: str | None) -> BroughtIn:
        """Merge `base` into `head`, and move the branch on if it is at `head`."""
        brought = await bring_in(self._mirror, head, base, await self._signature(base))
        await self._running.keeper.keep_on_base(base, await self._mirror.cached_base(self._running.facts.base) or base)
        await self._running.keeper.keep(brought.commit, beside=(head, base))
        at = await branch_commit(self._mirror, branch) if branch else None
        if branch and at == head:
            await advance_branch(self._mirror, branch, brought.commit, head)
        # After a crash behind that line the branch is already there.
        return BroughtIn(
            commit=brought.commit,
            tree=await tree_of(self._mirror.git, brought.commit),
            branch=branch if at in {head, brought.commit} else None,
            conflicts=brought.conflicts,
        )

    async def land(self, head: str, *, expected: str, message: str, branch: str | None = None) -> Landing:
        """Merge `head` to the base branch, which must still be at `expected`, unless somebody added to `branch`."""
        if branch is not None and (added := await self._added_to(branch, head)) is not None:
            return added
        await self._bring_contents(head)
        landed = await land(
            self._mirror,
            base_branch=self._running.facts.base,
            head=head,
            expected_base=expected,
            message=message,
            signature=await self._signature(head),
            method=self._running.policy.merge_method,
        )
        match landed:
            case Landed(how="already"):
                return Landing(how="already", commit=landed.commit)
            case Landed():
                await self._running.keeper.keep(landed.commit, beside=(head, expected))
                return Landing(how="merged", commit=landed.commit)
            case BaseMoved():
                return Landing(how="base_moved", commit=landed.new_base)
            case TargetDirty():
                return Landing(how="target_dirty", detail=_dirty(landed))
            case Conflicted():
                return Landing(how="refused", detail=f"it conflicts with the base branch in {', '.join(landed.paths[:10])}")
            case Refused():
                return Landing(how="refused", detail=landed.why)

    async def _added_to(self, branch: str, head: str) -> Landing | None:
        """What somebody added to the epic's branch in the person's repository, kept and taken into ours; None where nobody did."""
        there = await published_commit(self._mirror, branch)
        if there is None or there == head:
            return None
        git = self._mirror.git
        if await commit_of(git, there) is None and not await self._mirror.fetch_commit(there):
            return Landing(how="refused", detail=f"branch {branch} is at {there[:12]} in the repository, which cannot be fetched")
        if await is_ancestor(git, there, head):
            # What was added here is not shown there yet.
            return None
        if not await is_ancestor(git, head, there):
            lost = f"which does not hold {head[:12]}, the work that was approved: put the branch back, or delete it there"
            return Landing(how="refused", detail=f"branch {branch} was moved to {there[:12]} in the repository, {lost}")
        await self._running.keeper.keep(there, beside=(head,))
        at = await branch_commit(self._mirror, branch)
        if at == head:
            await advance_branch(self._mirror, branch, there, head)
        # After a crash behind that line the branch is already there.
        return Landing(how="branch_moved", commit=there, branch=branch if at in {head, there} else None, tree=await tree_of(git, there))

    async def _bring_contents(self, commit: str | None) -> None:
        if commit is not None:
            await bring_contents_here(self._running.database.pool, self._mirror, self._running.facts.id, commit)

    async def _signature(self, commit: str) -> Signature:
        """Signed with the time of the commit at hand, so that a merge that is made again after a crash has the same id."""
        seconds = await self._mirror.git.run("show", "-s", "--format=%ct", commit)
        return Signature(name="Genie", email="genie@localhost", at=datetime.fromtimestamp(int(seconds), tz=UTC))


def _dirty(found: TargetDirty) -> str:
    files = f" ({', '.join(found.files[:10])})" if found.files else ""
    return f"{found.path}: {found.why}{files}"
