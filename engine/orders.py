"""What an attempt is told of itself, and what it may change: the same for the run and for its replay."""

from __future__ import annotations

from agents.workflow import Workflow
from epics.policy import OWN_CONFIGURATION
from nodes.context import Assignment


def note_of(n: int, assignment: Assignment) -> str:
    """What makes the brief of each attempt differ from every other."""
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
