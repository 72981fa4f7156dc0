"""The deeds of an epic on the person's repository: looked up before they are done, recorded before and after (durability rule 19)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from db.connection import Pool
from db.effects import Intent, end_effect, intend_effect, newest_effect
from db.epics import Row
from db.leases import Lease
from engine.repository import EpicRepository
from engine.running import Running
from epics.effects import Effect, EffectState, merging, publishing
from epics.errors import EffectUnknown, GitFailed, RepositoryUnusable
from nodes.context import Landing
from timemachine.branches import branch_commit
from timemachine.looking import commit_in_base, published_commit
from timemachine.mirrors import Mirror

_BEGUN = frozenset({EffectState.INTENDED, EffectState.UNKNOWN})


class RecordedRepository(EpicRepository):
    """The repository of an epic whose deeds are each done once, also where a crash falls between a deed and its record.

    The order is always: look in the world, then in the table, record the intent, do it, record what came of it.
    """

    def __init__(self, running: Running) -> None:
        """Bind to a run."""
        super().__init__(running)
        self._epic = running

    async def publish(self, branch: str) -> str:
        """Show a branch of the epic in the person's repository, unless it is shown; says why not where that fails, else nothing."""
        mirror = self._epic.workspace.mirror
        commit = await branch_commit(mirror, branch)
        if commit is None:
            return await super().publish(branch)
        try:
            there = await published_commit(mirror, branch)
        except RepositoryUnusable as error:
            # Only a convenience: what the person misses is told at the gate, and no merge depends on it.
            return str(error)
        intent = await self._intend(publishing(mirror.location, branch, commit))
        if there == commit:
            await self._end(intent, EffectState.DONE, {"how": "already", "commit": commit})
            return ""
        if intent.before is EffectState.DONE:
            # Somebody took it away, or moved on from it: that is theirs to do.
            return ""
        why = await super().publish(branch)
        if why:
            await self._end(intent, EffectState.INTENDED, {"how": "refused", "detail": why[:2_000]})
        else:
            await self._end(intent, EffectState.DONE, {"how": "done", "commit": commit, "before": there})
        return why

    async def land(self, head: str, *, expected: str, message: str, branch: str | None = None) -> Landing:
        """Merge `head` to the base branch, unless it is merged; never forced.

        Raises:
            EffectUnknown: if it may have been merged before, and the repository cannot be read now.
        """
        running = self._epic
        effect = merging(running.facts.repo, running.facts.base, head)
        try:
            there = await commit_in_base(running.workspace.mirror, running.facts.base, head)
        except (RepositoryUnusable, GitFailed) as error:
            await self._refuse_to_guess(effect, error)
        if there is not None and (taken_back := await self._taken_back(effect)):
            return Landing(how="refused", detail=taken_back)
        intent = await self._intend(effect)
        if intent.before is EffectState.DONE:
            return _as_recorded(intent, there)
        if there is not None:
            await self._end(intent, EffectState.DONE, {"how": "already", "commit": there})
            return Landing(how="already", commit=there)
        try:
            landing = await super().land(head, expected=expected, message=message, branch=branch)
        except (RepositoryUnusable, GitFailed) as error:
            # It was reached a moment ago and is not now: the push may have arrived, and its answer not.
            await self._end(intent, EffectState.UNKNOWN, {"how": "unknown", "detail": str(error)[:2_000]})
            raise _unknown(effect, error) from error
        if landing.how in {"merged", "already"}:
            await self._end(intent, EffectState.DONE, {"how": landing.how, "commit": landing.commit, "before": expected})
        else:
            await self._end(intent, EffectState.INTENDED, {"how": landing.how, "detail": landing.detail[:2_000]})
        return landing

    async def _taken_back(self, effect: Effect) -> str:
        """Why merging brings nothing: git has the commit in the base branch, though its change was taken back; empty if it was not."""
        known = await newest_effect(self._epic.database.pool, effect)
        if known is None or known["state"] != EffectState.UNDONE or "reverted_by" not in known["found"]:
            return ""
        by = str(known["found"]["reverted_by"])[:12]
        return (
            f"it was merged before and taken back by {by}, and git takes a commit only once; undo that rollback instead, with: "
            f"genie time undo {known['epic_id']}"
        )

    async def _refuse_to_guess(self, effect: Effect, error: RepositoryUnusable | GitFailed) -> NoReturn:
        """Park where looking cannot tell whether an earlier try was made (durability rule 20); one that was never begun was not."""
        known = await newest_effect(self._epic.database.pool, effect)
        if known is None or not _may_be_done(known):
            raise error
        intent = await self._intend(effect)
        await self._end(intent, EffectState.UNKNOWN, {"how": "unknown", "detail": str(error)[:2_000]})
        raise _unknown(effect, error) from error

    async def _intend(self, effect: Effect) -> Intent:
        return await intend_effect(self._epic.database.pool, self._epic.lease, effect)

    async def _end(self, intent: Intent, state: EffectState, found: Mapping[str, Any]) -> None:
        await end_effect(self._epic.database.pool, self._epic.lease, intent, state, found)


async def landed_meanwhile(pool: Pool, lease: Lease, mirror: Mirror, *, base: str, head: str) -> str | None:
    """Return the commit of the base branch with a merge that this epic had begun, or None if it was not begun or did not happen.

    Raises:
        EffectUnknown: if it was begun, and the repository cannot be read now.
    """
    effect = merging(mirror.location, base, head)
    known = await newest_effect(pool, effect)
    if known is None or known["epic_id"] != lease.thread_id or known["state"] == EffectState.UNDONE:
        return None
    if known["state"] == EffectState.DONE:
        return str(known["found"]["commit"])
    try:
        there = await commit_in_base(mirror, base, head)
    except (RepositoryUnusable, GitFailed) as error:
        if not _may_be_done(known):
            return None
        raise _unknown(effect, error) from error
    if there is not None:
        intent = await intend_effect(pool, lease, effect)
        await end_effect(pool, lease, intent, EffectState.DONE, {"how": "already", "commit": there})
    return there


def _may_be_done(known: Row) -> bool:
    """Whether it was begun and nothing is recorded of its end; one that was refused was not done."""
    return known["state"] in _BEGUN and known["found"].get("how") in {None, "unknown"}


def _as_recorded(intent: Intent, there: str | None) -> Landing:
    """What the record says was merged; a base branch that somebody has moved back since is theirs."""
    commit = str(intent.found.get("commit") or there or "")
    return Landing(how="merged" if intent.found.get("how") == "merged" else "already", commit=commit)


def _unknown(effect: Effect, error: Exception) -> EffectUnknown:
    repo, base, head = effect.content
    return EffectUnknown(
        f"whether {head[:12]} was merged to {base} of {repo} cannot be seen now, and it is not merged twice on a guess: {error}; "
        "when the repository can be read again, resume the epic"
    )
