"""Going back from work that was merged: a commit that takes it back is proposed at the merge gate, and what was merged stays in history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from db.epics import Row
from engine.assembling import Installation
from engine.fetching_packs import bring_to_read
from engine.time_machine.rollback_plan import Rollback
from epics.errors import Conflict
from epics.going_back import fields_of
from epics.state import EpicState, Revert
from epics.steps import Step
from epics.verdicts import PullRequest
from timemachine.commits import Signature, commit_tree, is_ancestor, tree_of
from timemachine.diffs import diff_stat
from timemachine.merges import Conflicted, change_on, merge_commit, merge_preview
from timemachine.mirrors import Mirror, protect
from timemachine.workspace import Workspace, open_workspace

_UNTESTED = "It was made from the history alone and not tested; say `changes` to have it looked at and tested first."

_MOST_BODY: Final = 8_000


@dataclass(frozen=True, kw_only=True)
class RevertCommit:
    """A commit on the base branch that takes back what an epic changed there."""

    commit: str
    tree: str
    tip: str
    """Where the base branch is, which the commit stands on."""
    workspace: Workspace


async def make_revert(installation: Installation, facts: Row, rollback: Rollback) -> RevertCommit:
    """Make the commit that a revert proposes, on the base branch as it is now; no branch names it yet.

    Raises:
        Conflict: if others changed the same lines since, if the work is not in the base branch any more, or if nothing would change.
        RepositoryUnusable: if the repository cannot be read.
    """
    epic, present, wanted = facts["id"], rollback.present, rollback.state
    workspace = await open_workspace(installation.home, facts["repo"], installation.git_environment)
    mirror = workspace.mirror
    tip = await mirror.fetch_base(facts["base"])
    await bring_to_read(installation.database.pool, mirror, facts, (present.head, wanted.head, present.base))
    if not await is_ancestor(mirror.git, present.head, tip):
        message = f"the work of epic {epic} is not in {facts['base']} any more (it is at {tip[:12]}), so there is nothing to take back"
        raise Conflict(message)
    signature = Signature(name="Genie", email="genie@localhost", at=datetime.now(UTC))
    goal = await _on_same_base(mirror, wanted, present.base, signature, epic)
    found = await change_on(mirror, tip, present.head, goal)
    if isinstance(found, Conflicted):
        raise _conflict(epic, found.paths)
    if found.tree == await tree_of(mirror.git, tip):
        message = (
            f"{facts['base']} already has the files of moment {rollback.to} where epic {epic} changed them: there is nothing to take back"
        )
        raise Conflict(message)
    message = f"{title_of(rollback)}\n\nThis takes back what was merged at {present.head[:12]}.\n\nGenie-Epic: {epic}\n"
    commit = await commit_tree(mirror.git, found.tree, (tip,), message, signature)
    await protect(mirror, commit)
    return RevertCommit(commit=commit, tree=found.tree, tip=tip, workspace=workspace)


async def reverting_state(facts: Row, rollback: Rollback, made: RevertCommit) -> EpicState:
    """The state of an epic that waits for a person to approve a revert."""
    present = rollback.present
    stats = await diff_stat(made.workspace.mirror, made.tip, made.commit)
    body = f"Takes back what epic {facts['id']} merged at {present.head[:12]}, to its moment {rollback.to}. Asked for by {rollback.by}."
    pull = PullRequest(
        title=title_of(rollback),
        # The guidance is kept whole beside it.
        body=f"{body}\n\n{rollback.guidance}"[:_MOST_BODY].strip(),
        base=facts["base"],
        base_commit=made.tip,
        head=made.commit,
        branch="",
        files=len(stats),
        insertions=sum(stat.added or 0 for stat in stats),
        deletions=sum(stat.removed or 0 for stat in stats),
    )
    update: dict[str, Any] = {
        "step": Step.MERGE_GATE,
        "ended": None,
        "base": made.tip,
        "head": made.commit,
        "pull_request": pull,
        "revert": Revert(base=present.base, head=present.head, branch=present.branch, pull_request=present.pull_request),
        "guidance": (*present.guidance, rollback.guidance) if rollback.guidance else present.guidance,
        "tests": None,
        "review": None,
        "conflicts": (),
        "notice": _UNTESTED,
        "rounds": {},
        "failures": {},
        # An attempt that fails from now on is not made again from where the work began: that would not take back what is merged.
        "starts": {},
        "start_bases": {},
    }
    return EpicState.model_validate({**fields_of(present), **update})


def title_of(rollback: Rollback) -> str:
    """The title of the proposal, as git words it."""
    pull = rollback.present.pull_request
    was = pull.title if pull else "the work of the epic"
    return f'Revert "{was}"'[:200]


async def _on_same_base(mirror: Mirror, wanted: EpicState, base: str, signature: Signature, epic: str) -> str:
    """The commit that is wanted, with what the base got since then brought in: that is others' work, and stays."""
    if await is_ancestor(mirror.git, base, wanted.head):
        return wanted.head
    if await is_ancestor(mirror.git, wanted.head, base):
        return base
    preview = await merge_preview(mirror, wanted.head, base)
    if isinstance(preview, Conflicted):
        raise _conflict(epic, preview.paths)
    return await merge_commit(mirror, preview.tree, (wanted.head, base), "The moment on a newer base\n", signature)


def _conflict(epic: str, paths: tuple[str, ...]) -> Conflict:
    return Conflict(
        f"the work of epic {epic} cannot be taken back by itself: {', '.join(paths[:10])} changed in the same places since; "
        "fork a moment of it, or start an epic that takes it back by hand"
    )
