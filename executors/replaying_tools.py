"""The tools of a replay: files are read and written for real, all others say what they said then."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from executors.replaying import EndOfRecord, Said, Scene
from safety.scrubbing import is_scrubbed, same_but_for_secrets
from tools.context import ToolContext
from tools.registry import ToolRegistry
from tools.workspace import ToolProblem

IsIgnored = Callable[[str], Awaitable[bool]]
"""Whether git ignores a path: such files are in no recorded tree, so a replay does not have them."""

_LISTS: Final = {"list_files": "\t", "search": ":"}
"""Tools that say a path in each line, and what stands behind it."""

_A_TREE: Final = re.compile(r"/\S*?/worktrees/[^/\s]+/[^/\s:'\"]+")


class ReplayedTools(ToolRegistry):
    """Genie's tools in the replay of one attempt."""

    def __init__(self, real: ToolRegistry, scene: Scene, is_ignored: IsIgnored) -> None:
        """Bind the tools of now to what was recorded."""
        super().__init__(real.select(real.names))
        self._scene = scene
        self._is_ignored = is_ignored

    async def call(self, name: str, given: Mapping[str, Any], *, context: ToolContext, allowed: Iterable[str]) -> str:
        """Run a tool or look up what it said, compare, and say what was recorded.

        Raises:
            ToolProblem: if that is what the tool said then, or it says so now and nothing is recorded.
            EndOfRecord: if something would have to be done that was cut off.
        """
        scene = self._scene
        then = scene.said_then(name, given)
        tool = self.get(name)
        if tool.permission == "execute":
            now = self._as_recorded(name, given, then)
            scene.unsure = scene.foreign = True
        elif tool.category != "files":
            # What was known, published or told then is not so now, and a replay tells nobody anything.
            now = self._as_recorded(name, given, then)
        else:
            # What was written with a secret in it cannot be written again without: an import has neither.
            scene.unsure = scene.unsure or is_scrubbed(given)
            now = await self._said_now(name, given, context, allowed)
        if then is None:
            return _spoken(now)
        # After a command the files of this turn are not those of then: they are put right when it ends.
        if not scene.unsure and await self._differ(name, given, then, now):
            scene.differs(f"what {name} says", _text(then), _text(now))
        return _spoken(then)

    def _as_recorded(self, name: str, given: Mapping[str, Any], then: Said | None) -> Said:
        if then is None:
            raise EndOfRecord
        try:
            self.get(name).arguments.model_validate(dict(given))
        except ValidationError as error:
            if not then.failed:
                self._scene.differs(f"the arguments that {name} takes", "these were taken", " ".join(str(error).split()))
        return then

    async def _said_now(self, name: str, given: Mapping[str, Any], context: ToolContext, allowed: Iterable[str]) -> Said:
        try:
            said = await super().call(name, given, context=context, allowed=allowed)
        except ToolProblem as problem:
            return Said(content=_anywhere(str(problem), context), failed=True)
        return Said(content=_anywhere(said, context))

    async def _differ(self, name: str, given: Mapping[str, Any], then: Said, now: Said) -> bool:
        recorded = _A_TREE.sub("<tree>", str(then.content))
        if then.failed == now.failed and same_but_for_secrets(recorded, now.content):
            return False
        if not self._scene.foreign:
            return True
        # A command, or what the person's checkout lent, may have left files that git ignores: only what git knows can be compared.
        if separator := _LISTS.get(name):
            one, other = set(recorded.splitlines()), set(str(now.content).splitlines())
            paths = {line.partition(separator)[0] for line in one ^ other if separator in line}
            return bool(paths) and not all([await self._is_ignored(path) for path in sorted(paths)])
        path = str(given.get("path", ""))
        return not (path and await self._is_ignored(path))


def _anywhere(text: str, context: ToolContext) -> str:
    """What is said, without where the work tree happens to be."""
    return text.replace(str(context.workspace.tree), "<tree>") if context.workspace else text


def _spoken(said: Said) -> str:
    if said.failed:
        raise ToolProblem(str(said.content))
    return str(said.content)


def _text(said: Said) -> str:
    return f"{'failed: ' if said.failed else ''}{said.content}"
