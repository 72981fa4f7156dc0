"""Ending an attempt: its files become a commit, git says what changed, the bounds are held against that, the tests are run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from db.epics import Row
from engine.commands import Commands
from engine.configuration import keep_configuration
from engine.recording import RecordingJournal
from engine.running import Running
from engine.suites import suite_in, tests_in
from engine.transcript import tail_of
from epics.errors import Conflict, Environment, PathRefused
from executors.port import Order, Outcome
from nodes.context import Assignment, Attempted
from safety.paths import confine, violations
from timemachine.branches import advance_branch, branch_commit
from timemachine.commits import Signature
from timemachine.diffs import changed_paths
from timemachine.links import link_again
from timemachine.mirrors import protect
from timemachine.removals import remove_worktree
from timemachine.snapshots import snapshot
from timemachine.submodules import empty_submodules
from timemachine.worktrees import Worktree


@dataclass(frozen=True, kw_only=True)
class Ending:
    """An attempt whose agent has ended."""

    running: Running
    assignment: Assignment
    order: Order
    row: Row
    worktree: Worktree
    signature: Signature
    environment: Mapping[str, str]
    """Of all commands of the attempt, those of its tests too."""
    commands: Commands


async def end_work(ending: Ending, outcome: Outcome, journal: RecordingJournal) -> Attempted:
    """Commit what the agent left, judge it, run the tests where the step asks for it, and put the work tree away.

    May be run again after a crash in the middle: the same files give the same commit.
    """
    worktree = ending.worktree
    # Whatever runs in the tree from here on, the tests above all, must not be led to a repository of the agent's own.
    strayed = (".git",) if link_again(worktree.path, worktree.admin) else ()
    own, blocked = write_own_files(ending.assignment, outcome, worktree)
    await keep_configuration(
        worktree,
        base=ending.assignment.base,
        start=ending.row["base_commit"],
        signature=ending.signature,
        but=ending.assignment.variables["conflicts"],
    )
    taken = await snapshot(worktree, signature=ending.signature, message=message_of(ending, outcome))
    await protect(worktree.mirror, taken.commit)
    await ending.running.keeper.keep(taken.commit, beside=(ending.row["base_commit"],))
    await _advance(ending, taken.commit)
    changes = await changed_paths(worktree.mirror, ending.assignment.at, taken.commit)
    files = tuple(dict.fromkeys(path for change in changes for path in (change.old_path, change.path) if path))
    outside = tuple(dict.fromkeys((*strayed, *blocked, *_violations(ending, tuple(path for path in files if path not in own)))))
    tests: dict[str, Any] | None = None
    if ending.assignment.run_tests and outcome.ended_by == "done":
        try:
            tests = await _tests(ending, taken.commit, journal)
        except Environment as error:
            outcome = replace(outcome, ended_by="error", error_kind="environment", error=str(error))
    await _put_away(ending, taken.commit)
    clean = ending.running.database.pool.clean
    refused = journal.refusal if outcome.ended_by == "budget" else None
    turns = await journal.turns() if outcome.ended_by != "done" else ()
    return Attempted.model_validate(
        {
            "n": ending.row["n"],
            "ended_by": "out_of_bounds" if outside and outcome.ended_by == "done" else outcome.ended_by,
            "branch": ending.row["branch"],
            "commit": taken.commit,
            "tree": taken.tree,
            "output": dict(outcome.output) if outcome.output is not None else None,
            "error": f"changed {', '.join(outside[:10])}, which it may not" if outside and outcome.ended_by == "done" else outcome.error,
            "error_kind": outcome.error_kind,
            "files": files[:500],
            "violations": outside[:50],
            "tests": clean(tests),
            "scope": refused.scope if refused else None,
            "limit_usd": format(refused.limit_usd, "f") if refused else "",
            "spent_usd": format(refused.spent_usd, "f") if refused else "",
            "needed_usd": format(refused.needed_usd, "f") if refused else "0",
            "log_tail": clean(tail_of(turns)),
        }
    )


def message_of(ending: Ending, outcome: Outcome) -> str:
    """The commit message: the step and what the agent says of it, with the epic and the attempt as trailers."""
    said = outcome.output or {}
    subject = str(said.get("title") or said.get("summary") or outcome.ended_by).strip().splitlines()[0][:72]
    return f"{ending.assignment.step}: {subject}\n\nGenie-Epic: {ending.running.facts.id}\nGenie-Attempt: {ending.row['n']}\n"


def write_own_files(assignment: Assignment, outcome: Outcome, worktree: Worktree) -> tuple[frozenset[str], tuple[str, ...]]:
    """Write the files that Genie itself adds, and return their paths, then those of them in whose way the agent put something."""
    make = assignment.own_files
    if make is None or outcome.ended_by != "done" or outcome.output is None:
        return frozenset(), ()
    files: Mapping[str, str | None] = make(outcome.output)
    blocked = tuple(path for path, text in files.items() if not _write(worktree, path, text))
    return frozenset(files) - frozenset(blocked), blocked


def _write(worktree: Worktree, path: str, text: str | None) -> bool:
    try:
        place = confine(worktree.path, path)
        if text is None:
            place.unlink(missing_ok=True)
            return True
        place.parent.mkdir(parents=True, exist_ok=True)
        # Not opened: to write into a pipe would wait for ever.
        if os.path.lexists(place) and not place.is_file():
            return False
        place.write_text(text, encoding="utf-8")
    except (PathRefused, FileExistsError, IsADirectoryError, NotADirectoryError):
        return False
    return True


async def _advance(ending: Ending, commit: str) -> None:
    branch = ending.row["branch"]
    mirror = ending.worktree.mirror
    if branch is None:
        return
    at = await branch_commit(mirror, branch)
    # After a crash behind this line the branch is already there.
    if at is not None and at != commit:
        await advance_branch(mirror, branch, commit, at)


def _violations(ending: Ending, files: tuple[str, ...]) -> tuple[str, ...]:
    outside = violations(files, ending.order.allowed_paths, ending.order.forbidden_paths)
    return tuple(dict.fromkeys((*outside, *violations(files, ending.order.workflow.boundaries.allowed, ()))))


async def _tests(ending: Ending, commit: str, journal: RecordingJournal) -> dict[str, Any]:
    suite = await suite_in(ending.commands, ending.environment)
    await journal.noted("tests_started", {"command": suite.text if suite else None})
    report = await tests_in(ending.commands, suite, ending.environment)
    report = report.model_copy(update={"commit": commit})
    facts = {"command": report.command, "passed": report.passed, "exit_code": report.exit_code, "seconds": round(report.seconds, 3)}
    await journal.noted("tests_finished", {**facts, "tail": report.output[-1_000:]})
    return report.model_dump(mode="json")


async def _put_away(ending: Ending, taken: str) -> None:
    """Remove the work tree; what came to it after the commit, such as by-products of the tests, is kept as a commit of its own."""
    worktree = ending.worktree
    await empty_submodules(worktree, ending.assignment.base, ending.running.workspace.home)
    # Mostly nothing came to it: one look proves that, and there is no more to keep.
    with suppress(Conflict):
        await remove_worktree(worktree, taken)
    if not worktree.is_there():
        return
    rest = await snapshot(worktree, signature=ending.signature, message=f"{ending.running.facts.id}: left in the work tree\n")
    await protect(worktree.mirror, rest.commit)
    # What has something that a commit cannot hold stays on disk, where a person finds it.
    with suppress(Conflict):
        await remove_worktree(worktree, rest.commit)
