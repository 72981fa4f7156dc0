"""Turns in a replay: told in a line each, and those of in-process attempts run again by their recorded answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from agents.workflow import Workflow
from engine.configuration import keep_configuration, show_configuration
from engine.ending import write_own_files
from engine.orders import bounds_of, forbidden_to
from engine.time_machine.recorded import RecordedAttempt, RecordedMoment
from engine.time_machine.replay_ground import Ground
from engine.time_machine.replay_moments import Tried
from engine.time_machine.replay_views import Difference, shown
from engine.transcript import readable
from epics.errors import InvalidInput
from executors.in_process import InProcessExecutor
from executors.port import Order, Outcome, Turn
from executors.replaying import ComparingJournal, EndOfRecord, Mismatch, RecordedModels, Scene, recorded_foreign_tools
from executors.replaying_tools import ReplayedTools
from executors.retries import Retries
from executors.terms import Terms
from nodes.context import Assignment
from safety.scrubbing import same_but_for_secrets
from timemachine.commits import Signature, tree_of
from timemachine.diffs import changed_paths
from timemachine.ignores import is_ignored
from timemachine.scratch import files_now, put_files, scratch_worktree
from timemachine.worktrees import Worktree

IN_PROCESS: Final = "in_process"
_TELLING: Final = ("path", "file_path", "command", "pattern", "glob")
_SHOWN: Final = 80
_NAMED: Final = 5
_NOBODY: Final = Signature(name="Genie", email="genie@localhost", at=datetime(2000, 1, 1, tzinfo=UTC))


def told(attempt: RecordedAttempt) -> tuple[str, ...]:
    """The turns of an attempt, one line each."""
    return tuple(_told(turn) for turn in attempt.turns)


async def verify_turns(ground: Ground, moment: RecordedMoment, tried: Tried) -> None:
    """Run the attempt of a moment again by its recorded answers, if it ran in process, and add what differs to what was found."""
    attempt = ground.recorded.attempts.get(moment.attempt or 0)
    if attempt is None or attempt.executor != IN_PROCESS or attempt.result is None:
        return
    asked, workflow = (tried.attempts.asked, tried.attempts.workflow) if tried.attempts else (None, None)
    if asked is None or workflow is None or tried.configuration is None:
        tried.unchecked.append("the turns: the step does not ask for the attempt any more")
        return
    if not attempt.turns or attempt.brief is None:
        tried.unchecked.append(f"the turns: {'they were pruned' if attempt.pruned else 'none was recorded'}")
        return
    policy = tried.configuration.policy
    path = ground.scratch / f"{ground.recorded.epic.id}-{attempt.n}"
    async with scratch_worktree(ground.mirror, path, attempt.base_commit) as worktree:
        await show_configuration(worktree, asked.base)
        order = _order(ground, attempt, asked, workflow, worktree.path)
        files = _ScratchFiles(worktree=worktree, lenient=policy.setup_command is not None)
        scene = _scene(order, attempt, files)
        # What the person's checkout lent, or the setup command made, a replay does not have.
        scene.foreign = bool(policy.links or policy.setup_command)
        outcome = await _run(ground, scene, worktree)
        _compare_end(scene, attempt, outcome)
        if not tried.differences and not scene.mismatches:
            if outcome is not None:
                # As it was recorded, which is without secrets, and the same but for those.
                write_own_files(asked, replace(outcome, output=attempt.result.get("output")), worktree)
            but = tuple(asked.variables.get("conflicts") or ())
            await keep_configuration(worktree, base=asked.base, start=attempt.base_commit, signature=_NOBODY, but=but)
            await _compare_files(scene, attempt, files)
    tried.compared.append("turns")
    tried.unchecked += [*scene.unchecked, *files.unchecked]
    tried.differences += [_difference(moment, attempt, found) for found in scene.mismatches]


@dataclass(kw_only=True)
class _ScratchFiles:
    """Implements `executors.replaying.ReplayedTree` on a scratch work tree."""

    worktree: Worktree
    lenient: bool
    """Whether files can differ because of what a setup command made."""
    unchecked: list[str] = field(default_factory=list)

    async def after_turn(self, turn: Turn, *, unsure: bool) -> tuple[str, str] | None:
        """Hold the files against those of the turn, and go on from those in any case."""
        if turn.tree is None:
            return None
        recorded = await tree_of(self.worktree.mirror.git, turn.tree)
        differing = None if unsure else await self.differing(recorded)
        if unsure or differing:
            await put_files(self.worktree, recorded)
        return differing

    async def differing(self, recorded: str) -> tuple[str, str] | None:
        """The tree that was recorded, and what of the files is not as in it."""
        now = await files_now(self.worktree)
        if now == recorded:
            return None
        if self.lenient:
            self.unchecked.append("the files: the setup command of genie.toml, which is not run again, may have made some")
            await put_files(self.worktree, recorded)
            return None
        paths = [change.path for change in await changed_paths(self.worktree.mirror, recorded, now)]
        more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
        return f"tree {recorded[:12]}", f"tree {now[:12]}, which differs in {', '.join(paths[:_NAMED])}{more}"


def _order(ground: Ground, attempt: RecordedAttempt, asked: Assignment, workflow: Workflow, tree: Path) -> Order:
    return Order(
        epic=ground.recorded.epic.id,
        attempt=attempt.n,
        workflow=workflow,
        brief=attempt.brief or "",
        tree=tree,
        models=tuple(dict.fromkeys(turn.model for turn in attempt.turns)),
        allowed_paths=bounds_of(asked, workflow),
        forbidden_paths=forbidden_to(asked, workflow),
        environment={},
        folder=tree.parent / "attempt",
        continues=_continued(ground, attempt),
    )


def _scene(order: Order, attempt: RecordedAttempt, files: _ScratchFiles) -> Scene:
    result = attempt.result or {}
    handed_back = result.get("output") is not None
    return Scene(
        order=order,
        turns=attempt.turns,
        ended_by="done" if handed_back else result["ended_by"],
        error=str(result.get("error") or ""),
        tree=files,
        said={turn: sayings for turn, sayings in attempt.told.items() if turn is not None},
    )


async def _run(ground: Ground, scene: Scene, worktree: Worktree) -> Outcome | None:
    executor = InProcessExecutor(
        RecordedModels(scene),
        terms=Terms(retries=Retries(tries=1)),
        tools=ReplayedTools(ground.tools, scene, partial(is_ignored, worktree)),
        foreign=recorded_foreign_tools(scene),
    )
    try:
        return await executor.run(scene.order, ComparingJournal(scene))
    except EndOfRecord:
        return None
    except InvalidInput as error:
        # A tool that the workflow lists and that is there no more.
        scene.differs("the tools", "all that the workflow lists were there", error, turn=1)
        return None


def _compare_end(scene: Scene, attempt: RecordedAttempt, outcome: Outcome | None) -> None:
    if outcome is None:
        if scene.ended_by != "done":
            scene.unchecked.append(f"how the attempt ended: by {scene.ended_by}, which the record alone tells")
        return
    if outcome.ended_by != scene.ended_by:
        scene.differs("how the attempt ends", scene.ended_by, f"{outcome.ended_by} {outcome.error}".strip())
        return
    if scene.at < len(scene.turns):
        scene.differs("the end of the run", f"{len(scene.turns)} turns", f"{scene.at} turns")
    recorded, now = (attempt.result or {}).get("output"), outcome.output
    if recorded is not None and not same_but_for_secrets(recorded, now):
        scene.differs("what is handed back", json.dumps(recorded, sort_keys=True), json.dumps(now, sort_keys=True))


async def _compare_files(scene: Scene, attempt: RecordedAttempt, files: _ScratchFiles) -> None:
    if scene.turns[-1].results is None:
        files.unchecked.append(f"the files at the end: turn {scene.turns[-1].n} was cut off while its tools ran")
        return
    differing = await files.differing(str((attempt.result or {}).get("tree")))
    if differing is not None:
        scene.differs("the files at the end", *differing)


def _difference(moment: RecordedMoment, attempt: RecordedAttempt, found: Mismatch) -> Difference:
    what = f"turn {found.turn} of attempt {attempt.n} ({attempt.workflow}): {found.what}"
    return Difference(moment=moment.n, kind="turn", what=what, recorded=shown(found.recorded), now=shown(found.now))


def _continued(ground: Ground, attempt: RecordedAttempt) -> tuple[Turn, ...]:
    chain: list[tuple[Turn, ...]] = []
    before = attempt.continues
    while before is not None and (earlier := ground.recorded.attempts.get(before)) is not None:
        chain.append(tuple(turn for turn in earlier.turns if turn.results is not None))
        before = earlier.continues
    return tuple(turn for turns in reversed(chain) for turn in turns)


def _told(turn: Turn) -> str:
    seen = readable(turn)
    calls = ", ".join(_call(call) for call in seen["tool_calls"])
    said = seen["answer_text"].strip().partition("\n")[0]
    return f"turn {turn.n}: {calls or said[:_SHOWN] or 'nothing'}"


def _call(call: Mapping[str, Any]) -> str:
    given = call["args"]
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            given = {}
    telling = next((str(given[key]) for key in _TELLING if isinstance(given, Mapping) and key in given), "")
    line = " ".join(telling.split())
    return f"{call['name']} {line[:_SHOWN]}".strip()
