"""The repository in a replay: read as it is, and where a step would change something, what came of it then."""

from __future__ import annotations

import re
from typing import Final

from engine.reading_repository import ReadRepository
from engine.time_machine.replay_ground import Configuration, Ground
from engine.time_machine.replay_views import Difference
from epics.state import Ended, EpicState
from nodes.context import BroughtIn, Landing
from nodes.merge import NOT_MADE
from nodes.open_pull_request import HIDDEN
from timemachine.commits import is_ancestor, tree_of
from timemachine.merges import merge_preview

_MERGED_AT: Final = re.compile(r"^merged to .* at ([0-9a-f]{7,40})$")


class Reached(Exception):
    """The step came to where it would do something that is not recorded."""


class ReplayedRepository(ReadRepository):
    """Implements `nodes.context.Repository` for the replay of one moment: nothing is pushed, merged or moved."""

    def __init__(self, ground: Ground, configuration: Configuration, moment: int, after: EpicState | None) -> None:
        """Bind to what is recorded of the moment; without a state after it, no deed can be replayed."""
        super().__init__(ground.mirror, configuration.registry, location=ground.recorded.epic.repo)
        self._ground = ground
        self._moment = moment
        self._after = after
        self.differences: list[Difference] = []

    async def publish(self, branch: str) -> str:
        """Say what came of showing the branch then."""
        del branch
        lines = self._after.notice.splitlines() if self._after else []
        return next((line.removeprefix(HIDDEN) for line in lines if line.startswith(HIDDEN)), "")

    async def bring_in(self, head: str, base: str, branch: str | None) -> BroughtIn:
        """Say what came of the merge of `base` into `head`, and see that it still does."""
        del branch
        after = self._recorded()
        tree = await tree_of(self._mirror.git, after.head)
        await self._compare(head, base, tree)
        return BroughtIn(commit=after.head, tree=tree, branch=after.branch, conflicts=after.conflicts)

    async def land(self, head: str, *, expected: str, message: str, branch: str | None = None) -> Landing:
        """Say what came of the merge to the base branch."""
        del message, branch
        after = self._recorded()
        note = after.last.note if after.last else ""
        if after.ended is Ended.MERGED:
            found = _MERGED_AT.match(note)
            at = found[1] if found else after.head
            if not after.head.startswith(at):
                return Landing(how="already", commit=at)
            if after.head != head:
                await self._compare(head, expected, await tree_of(self._mirror.git, after.head))
            return Landing(how="merged", commit=after.head)
        if after.base != expected:
            return Landing(how="base_moved", commit=after.base)
        if after.head != head:
            return Landing(how="branch_moved", commit=after.head, branch=after.branch, tree=after.last.tree if after.last else "")
        said = after.notice.removeprefix(NOT_MADE[0]).removesuffix(NOT_MADE[1])
        return Landing(how="refused", detail=said if said != after.notice else note)

    async def _compare(self, head: str, base: str, recorded: str) -> None:
        """Hold the tree of a recorded merge against what comes of the same merge now."""
        if not self._ground.verify:
            return
        git = self._mirror.git
        if await is_ancestor(git, base, head):
            now = await tree_of(git, head)
        elif await is_ancestor(git, head, base):
            now = await tree_of(git, base)
        else:
            now = (await merge_preview(self._mirror, head, base)).tree
        if now != recorded:
            self.differences.append(Difference(moment=self._moment, kind="files", what="the tree of the merge", recorded=recorded, now=now))

    def _recorded(self) -> EpicState:
        if self._after is None:
            raise Reached
        return self._after
