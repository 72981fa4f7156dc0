"""Briefs in a replay: made again from the prompts of now and what was known then, and compared with what the agent was sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any, Final

from agents.rendering import render_brief
from agents.workflow import Workflow
from engine.orders import bounds_of, forbidden_to, note_of
from engine.time_machine.recorded import RecordedAttempt
from nodes.context import Assignment
from safety.scrubbing import same_but_for_secrets

_MARK: Final = "\N{OBJECT REPLACEMENT CHARACTER}test command\N{OBJECT REPLACEMENT CHARACTER}"
_INDEX: Final = re.compile(r"^index ([0-9a-f]{7})[0-9a-f]*\.\.([0-9a-f]{7})[0-9a-f]*", re.MULTILINE)
_GONE: Final = "(no such line)"
_AROUND: Final = 4
"""Lines that tell a place in a brief from every other."""


def brief_now(workflow: Workflow, assignment: Assignment, attempt: RecordedAttempt, test_command: str | None) -> str:
    """The brief that an attempt would be sent now.

    The command of the repository's tests is not recorded beside the brief, and to find it anew would depend on this machine: it is taken
    from the recorded brief, where that has one in the place where the prompt of now names it.

    Raises:
        InvalidInput: if the prompt cannot be filled in.
    """
    variables = {
        **assignment.variables,
        "attempt_note": note_of(attempt.n, assignment, attempt.told.get(None, ())),
        "allowed_paths": bounds_of(assignment, workflow),
        "forbidden_paths": forbidden_to(assignment, workflow),
    }
    recorded = attempt.brief or ""
    without = _rendered(workflow, variables, None)
    if same_but_for_secrets(steady(recorded), steady(without)):
        return without
    command = _command_in(steady(recorded), steady(_rendered(workflow, variables, _MARK))) or test_command
    return without if command is None else _rendered(workflow, variables, command)


def steady(brief: str) -> str:
    """A brief without what depends on how many objects a mirror has: git shortens the ids in a diff by that."""
    return _INDEX.sub(r"index \1..\2", brief)


def first_difference(recorded: str, now: str) -> tuple[int, str, str]:
    """The number of the first line that differs, as it was and as it is."""
    lines = zip_longest(steady(recorded).splitlines(), steady(now).splitlines(), fillvalue=_GONE)
    return next(((n, then, here) for n, (then, here) in enumerate(lines, start=1) if not same_but_for_secrets(then, here)), (0, "", ""))


def _rendered(workflow: Workflow, variables: Mapping[str, Any], test_command: str | None) -> str:
    given = {**variables, "test_command": test_command}
    return render_brief(workflow, given).replace("\0", "\N{REPLACEMENT CHARACTER}")


def _command_in(recorded: str, marked: str) -> str | None:
    """The command that stands in a recorded brief where the prompt of now has the mark."""
    before, found, rest = marked.partition(_MARK)
    if not found:
        return None
    whole = re.escape(before) + "(?P<it>.+?)" + "(?P=it)".join(re.escape(part) for part in rest.split(_MARK))
    match = re.fullmatch(whole, recorded, re.DOTALL)
    if match is None:
        # Something else differs: the lines around it tell the place.
        above = "\n".join(before.split("\n")[-_AROUND:])
        below = "\n".join(rest.partition(_MARK)[0].split("\n")[:2])
        match = re.search(re.escape(above) + "(?P<it>.+?)" + re.escape(below), recorded, re.DOTALL)
    return match["it"] if match else None
