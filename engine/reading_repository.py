"""What the nodes read of an epic's repository; nothing in here writes to it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from posixpath import splitext
from typing import Final

from agents.registry import Registry
from nodes.context import DiffSize
from safety.paths import matches
from timemachine.diffs import changed_paths, diff_stat, diff_text, list_paths
from timemachine.merges import leftover_conflict_markers
from timemachine.mirrors import Mirror

_DIFF_CAP: Final = 60_000
_NAMED_FILES: Final = 40
_ADR_PLACES: Final = ("docs/decisions", "docs/adr", "docs/adrs", "doc/adr", "adr")
_ADR_NUMBER: Final = re.compile(r"(\d{3,5})-")


class ReadRepository:
    """The reading half of `nodes.context.Repository`, on a mirror that has the commits."""

    def __init__(self, mirror: Mirror, registry: Registry, *, location: str | None = None) -> None:
        """Bind to a mirror.

        Args:
            mirror: has the commits.
            registry: the workflows whose boundaries count.
            location: where the repository is, if that is not where the mirror says.
        """
        self._mirror = mirror
        self._registry = registry
        self._name = (location or mirror.location).rstrip("/").rpartition("/")[2]
        self._listed: tuple[str, tuple[str, ...]] | None = None

    async def overview(self, commit: str) -> str:
        """A few lines that tell an agent what the repository is."""
        # In a thread, as all that looks at each path: a repository may have hundreds of thousands.
        return await asyncio.to_thread(_overview, self._name, await self._paths_of(commit))

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
            binary=tuple(stat.path for stat in stats if stat.added is None),
        )

    async def changed(self, old: str, new: str) -> tuple[str, ...]:
        """The paths that differ, those that were there before a rename too."""
        changes = await changed_paths(self._mirror, old, new) if old != new else ()
        return tuple(dict.fromkeys(path for change in changes for path in (change.old_path, change.path) if path))

    async def needs_approval(self, old: str, new: str) -> tuple[str, ...]:
        """Those of the paths that differ which the boundaries of any workflow want a person to see."""
        globs = {glob for workflow in self._registry.workflows.values() for glob in workflow.boundaries.needs_approval}
        return tuple(path for path in await self.changed(old, new) if matches(path, globs)) if globs else ()

    async def free_adr_prefix(self, commit: str, *, but: str | None = None) -> str:
        """Where the next decision record goes: the folder that the repository has, and one number more than its highest."""
        return await asyncio.to_thread(_free_adr_prefix, await self._paths_of(commit), but)

    async def markers(self, commit: str, paths: tuple[str, ...]) -> tuple[str, ...]:
        """Those of `paths` that still hold conflict markers."""
        return await leftover_conflict_markers(self._mirror, commit, paths)

    async def _paths_of(self, commit: str) -> tuple[str, ...]:
        """All files of a commit; a step asks more than once for those of the same one."""
        if self._listed is None or self._listed[0] != commit:
            self._listed = commit, await list_paths(self._mirror, commit)
        return self._listed[1]


def _overview(name: str, paths: tuple[str, ...]) -> str:
    tops = sorted({path.partition("/")[0] + ("/" if "/" in path else "") for path in paths})
    kinds = Counter(suffix for path in paths if (suffix := splitext(path)[1]))
    common = ", ".join(f"{suffix} ({count})" for suffix, count in kinds.most_common(6)) or "no suffixes"
    more = f" and {len(tops) - _NAMED_FILES} more" if len(tops) > _NAMED_FILES else ""
    return f"{name}: {len(paths)} files; most common: {common}\nAt the top: {', '.join(tops[:_NAMED_FILES])}{more}"


def _free_adr_prefix(paths: tuple[str, ...], but: str | None) -> str:
    found = [path for path in paths if path != but and path.startswith(_ADR_PLACES)]
    place = next((place for place in _ADR_PLACES if any(path.startswith(f"{place}/") for path in found)), _ADR_PLACES[0])
    names = [path.removeprefix(f"{place}/") for path in found if path.startswith(f"{place}/")]
    numbers = [int(number[1]) for name in names if (number := _ADR_NUMBER.match(name))]
    return f"{place}/{max(numbers, default=0) + 1:04d}-"
