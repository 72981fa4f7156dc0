"""What the attempts of an epic teach: how they failed, what worked after that, and which commands do what they should here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from engine.learning.past import Past, Row
from engine.learning.told import Told
from engine.learning.wording import joined, listed, named, short
from epics.knowledge import Group
from epics.verdicts import FailureType

NOT_THE_WORK: Final = frozenset({FailureType.PROVIDER, FailureType.ENVIRONMENT, FailureType.BUDGET})
"""Failures that no agent can avoid."""

_WORKFLOW: Final = "workflow"
"""The kind of runs that are told of here; an agent of Python tells on its own what is worth knowing."""


def failures(past: Past) -> Iterator[Told]:
    """How each attempt failed that was analysed."""
    for row in past.analyses:
        analysis, attempt = row["analysis"], row["attempt"]
        if analysis["type"] in NOT_THE_WORK or not past.is_own(attempt, row["moment"]):
            continue
        what = f"{row['step']} failed ({analysis['type']})"
        yield Told(
            group=Group.LEARNING,
            what=f"m{row['moment']}" if attempt is None else attempt,
            at=row["created_at"],
            title=f"How {what}",
            text=joined(f"{what}: {analysis['cause']}", f"Prevention: {analysis['prevention']}", past.about),
            more=joined(f"Evidence: {analysis['evidence']}"),
            subject=row["step"],
            relation="failed by",
            object=analysis["type"],
            attempt=attempt,
        )


def successes(past: Past) -> Iterator[Told]:
    """What went well after a failure."""
    ended = {row["n"]: row["ended_at"] for row in past.own_attempts}
    for row in past.analyses:
        worked, analysis = row["worked"], row["analysis"]
        if not worked or worked["attempt"] not in ended or analysis["type"] in NOT_THE_WORK:
            continue
        failed = f"{row['step']} had failed ({analysis['type']}: {short(analysis['cause'])})"
        changed = listed(change["field"] for change in worked["changed"])
        yield Told(
            group=Group.PATTERNS,
            what=worked["attempt"],
            at=ended[worked["attempt"]],
            title=f"What worked after {row['step']} had failed",
            text=joined(
                f"After {failed}, this worked: {worked['said'] or 'to try again'}",
                f"Set up differently: {changed}" if changed else "",
                past.about,
            ),
            subject=row["step"],
            relation="was cured of",
            object=analysis["type"],
            attempt=worked["attempt"],
        )


def procedures(past: Past) -> Iterator[Told]:
    """Each command that was run here and did what it should, once, by the attempt that first showed it."""
    known: set[tuple[str, str]] = set()
    for row in past.own_attempts:
        for subject, verb, command in _commands(row):
            if (subject, command) in known:
                continue
            known.add((subject, command))
            yield Told(
                group=Group.PROCEDURES,
                what=f"{row['n']}:{subject}",
                at=row["ended_at"],
                title=f"The {subject} {verb}",
                text=joined(f"The {subject} of this repository {verb} `{command}`"),
                subject=subject,
                relation=verb,
                object=named(command),
                replaces=True,
                attempt=row["n"],
            )


def runs(past: Past) -> Iterator[Told]:
    """What a workflow made that was run without an epic."""
    for row in past.own_attempts if past.epic["kind"] == _WORKFLOW and past.epic["status"] == "done" else ():
        summary = str((row["result"]["output"] or {}).get("summary", "")).strip()
        if not summary:
            continue
        files = row["result"]["files"]
        yield Told(
            group=Group.PATTERNS,
            what=row["n"],
            at=row["ended_at"],
            title=f"{row['workflow']}: {short(past.epic['goal'], 150)}",
            text=joined(f"{row['workflow']} was run: {short(past.epic['goal'])}", summary, f"Files: {listed(files)}" if files else ""),
            attempt=row["n"],
        )


def _commands(row: Row) -> Iterator[tuple[str, str, str]]:
    tests, setup = row["result"].get("tests"), row["setup"]
    if tests and tests["passed"] and tests["command"]:
        yield "tests", "are run by", tests["command"]
    if setup and setup["command"] and setup["exit_code"] == 0 and not setup["timed_out"]:
        yield "work tree", "is set up by", setup["command"]
