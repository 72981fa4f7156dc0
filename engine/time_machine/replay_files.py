"""The files of moments in a replay: what git has is held against what was recorded."""

from __future__ import annotations

from engine.time_machine.recorded import RecordedMoment
from engine.time_machine.replay_ground import Ground
from engine.time_machine.replay_moments import Tried
from engine.time_machine.replay_views import Difference, shown
from epics.steps import Step
from nodes.context import Attempted
from timemachine.commits import tree_of
from timemachine.diffs import changed_paths
from timemachine.packs import missing_commits


async def verify_files(ground: Ground, moment: RecordedMoment, tried: Tried) -> None:
    """Hold the commit of a moment, and the files of its attempt as git says them, against the record."""
    if moment.state is None:
        return
    git = ground.mirror.git
    found: list[tuple[str, object, object]] = [("the commit", moment.commit, moment.state.head)]
    row = ground.recorded.attempts.get(moment.attempt or 0)
    attempted = Attempted.model_validate(dict(row.result)) if row and row.result else None
    wanted = [moment.commit, *([attempted.commit] if attempted else [])]
    if missing := await missing_commits(ground.mirror, wanted):
        tried.differences.append(_difference(moment.n, "the commit", missing[0], "it is not in the repository"))
        return
    last = moment.state.last
    if attempted is not None:
        found.append(("the tree of the attempt", attempted.tree, await tree_of(git, attempted.commit)))
        if last is not None and last.tree:
            found.append(("the tree of the moment", last.tree, attempted.tree))
        if tried.attempts is not None and tried.attempts.asked is not None:
            changes = await changed_paths(ground.mirror, tried.attempts.asked.at, attempted.commit)
            files = tuple(dict.fromkeys(path for change in changes for path in (change.old_path, change.path) if path))
            found.append(("the files that the attempt changed", attempted.files, files[:500]))
    elif last is not None and last.tree and last.step is Step.MERGE and moment.outcome in {"done", "failed"}:
        found.append(("the tree of the moment", last.tree, await tree_of(git, moment.commit)))
    tried.compared.append("files")
    tried.differences += [_difference(moment.n, what, recorded, now) for what, recorded, now in found if recorded != now]


def _difference(moment: int, what: str, recorded: object, now: object) -> Difference:
    return Difference(moment=moment, kind="files", what=what, recorded=shown(recorded), now=shown(now))
