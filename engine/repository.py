"""The repository of an epic, as the nodes know it, on the time machine's git."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Final

from engine.running import Running
from nodes.context import BroughtIn, DiffSize, Landing
from safety.paths import matches
from timemachine.branches import advance_branch, branch_commit, publish
from timemachine.commits import Signature, tree_of
from timemachine.diffs import TreeEntry, changed_paths, diff_stat, diff_text, list_tree
from timemachine.landing import BaseMoved, Landed, Refused, TargetDirty, land
from timemachine.merges import Conflicted, bring_in, leftover_conflict_markers

_DIFF_CAP: Final = 60_000
_NAMED_FILES: Final = 40
_ADR_PLACES: Final = ("docs/decisions", "docs/adr", "docs/adrs", "doc/adr", "adr")
_ADR_NUMBER: Final = re.compile(r"(\d{3,5})-")


class EpicRepository:
    """Implements `nodes.context.Repository` for one run of one epic."""

    def __init__(self, running: Running) -> None:
        """Bind to a run."""
        self._running = running
        self._mirror = running.workspace.mirror
        self._listed: tuple[str, tuple[TreeEntry, ...]] | None = None

    async def overview(self, commit: str) -> str:
        """A few lines that tell an agent what the repository is."""
        entries = await self._files_of(commit)
        tops = sorted({entry.path.split("/", 1)[0] + ("/" if "/" in entry.path else "") for entry in entries})
        kinds = Counter(PurePosixPath(entry.path).suffix for entry in entries if PurePosixPath(entry.path).suffix)
        common = ", ".join(f"{suffix} ({count})" for suffix, count in kinds.most_common(6)) or "no suffixes"
        name = self._mirror.location.rstrip("/").rpartition("/")[2]
        more = f" and {len(tops) - _NAMED_FILES} more" if len(tops) > _NAMED_FILES else ""
        return f"{name}: {len(entries)} files; most common: {common}\nAt the top: {', '.join(tops[:_NAMED_FILES])}{more}"

    async def diff(self, old: str, new: str) -> str:
        """The diff as text, capped."""
        shown = await diff_text(self._mirror, old, new, _DIFF_CAP)
        return f"{shown.text}\n[the diff is longer and was cut here]" if shown.cut else shown.text

    async def size(self, old: str, new: str) -> DiffSize:
        """How large the diff is."""
        stats = await diff_stat(self._mirror, old, new)
        lines = [f"{stat.path} | +{stat.added} -{stat.removed}" if stat.added is not None else f"{stat.path} | binary" for stat in stats]
        return DiffSize(
            files=len(stats),
            insertions=sum(stat.added or 0 for stat in stats),
            deletions=sum(stat.removed or 0 for stat in stats),
            text="\n".join(lines[:200]),
        )

    async def changed(self, old: str, new: str) -> tuple[str, ...]:
        """The paths that differ, those that were there before a rename too."""
        changes = await changed_paths(self._mirror, old, new) if old != new else ()
        return tuple(dict.fromkeys(path for change in changes for path in (change.old_path, change.path) if path))

    async def needs_approval(self, old: str, new: str) -> tuple[str, ...]:
        """Those of the paths that differ which the boundaries of any workflow want a person to see."""
        globs = {glob for workflow in self._running.registry.workflows.values() for glob in workflow.boundaries.needs_approval}
        return tuple(path for path in await self.changed(old, new) if matches(path, globs)) if globs else ()

    async def free_adr_prefix(self, commit: str, *, but: str | None = None) -> str:
        """Where the next decision record goes: the folder that the repository has, and one number more than its highest."""
        entries = await self._files_of(commit)
        paths = [entry.path for entry in entries if entry.path != but]
        place = next((place for place in _ADR_PLACES if any(path.startswith(f"{place}/") for path in paths)), _ADR_PLACES[0])
        names = [path.removeprefix(f"{place}/") for path in paths if path.startswith(f"{place}/")]
        numbers = [int(found[1]) for name in names if (found := _ADR_NUMBER.match(name))]
        return f"{place}/{max(numbers, default=0) + 1:04d}-"

    async def publish(self, branch: str) -> str:
        """Push a branch of the epic to the user's repository, never by force; says why not where that fails, else nothing."""
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

    async def markers(self, commit: str, paths: tuple[str, ...]) -> tuple[str, ...]:
        """Those of `paths` that still hold conflict markers."""
        return await leftover_conflict_markers(self._mirror, commit, paths)

    async def land(self, head: str, *, expected: str, message: str) -> Landing:
        """Merge `head` to the base branch, which must still be at `expected`."""
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

    async def _files_of(self, commit: str) -> tuple[TreeEntry, ...]:
        """All files of a commit; a step asks more than once for those of the same one."""
        if self._listed is None or self._listed[0] != commit:
            self._listed = commit, await list_tree(self._mirror, commit)
        return self._listed[1]

    async def _signature(self, commit: str) -> Signature:
        """Signed with the time of the commit at hand, so that a merge that is made again after a crash has the same id."""
        seconds = await self._mirror.git.run("show", "-s", "--format=%ct", commit)
        return Signature(name="Genie", email="genie@localhost", at=datetime.fromtimestamp(int(seconds), tz=UTC))


def _dirty(found: TargetDirty) -> str:
    files = f" ({', '.join(found.files[:10])})" if found.files else ""
    return f"{found.path}: {found.why}{files}"
