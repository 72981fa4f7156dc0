"""What an attempt is told of itself, and what it may change: the same for the run and for its replay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agents.rendering import fenced
from agents.workflow import Workflow
from epics.policy import OWN_CONFIGURATION
from executors.port import Said
from nodes.context import Assignment

_SAID: Final = """\
### What a person says

A person who watches the epic said this while no agent was at work. It is meant for you: follow it, within your boundaries.
"""


def note_of(n: int, assignment: Assignment, sayings: Sequence[Said] = ()) -> str:
    """What makes the brief of each attempt differ from every other: its number, and verbatim what people said before it began."""
    said = "\n".join(fenced(each.text) for each in sayings)
    return f"{_which(n, assignment)}\n\n{_SAID}\n{said}" if said else _which(n, assignment)


def _which(n: int, assignment: Assignment) -> str:
    if assignment.continues is not None:
        before = assignment.continues
        return f"This is attempt {n}. It goes on from the files and the conversation of attempt {before}, which met its limit."
    return f"This is attempt {n} of this epic."


def bounds_of(assignment: Assignment, workflow: Workflow) -> tuple[str, ...]:
    """The globs that an attempt is told it may change: the plan's where they bind it, else the workflow's own; both are held at its end."""
    return assignment.allowed_paths if assignment.allowed_paths != ("**",) else workflow.boundaries.allowed


def forbidden_to(assignment: Assignment, workflow: Workflow) -> tuple[str, ...]:
    """The globs that an attempt may not change, whatever else it may."""
    return (*workflow.boundaries.forbidden, *assignment.forbidden_paths, *OWN_CONFIGURATION)
