"""The steps of an epic and the one table of edges between them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from epics.errors import IllegalTransition


class Step(StrEnum):
    """One node of the epic graph; the values are stored data and never change."""

    PLANNING = "planning"
    ARCHITECT = "architect"
    PLAN_GATE = "plan_gate"
    IMPLEMENT = "implement"
    TEST = "test"
    REVIEW = "review"
    FIX = "fix"
    REFACTOR = "refactor"
    DOCUMENT = "document"
    PR = "pr"
    MERGE_GATE = "merge_gate"
    MERGE = "merge"
    TIME_MACHINE = "time_machine"
    FAILURE_GATE = "failure_gate"
    BUDGET_GATE = "budget_gate"


END: Final = "end"
"""Where an edge leads when the epic is over; not a step."""

AGENT_STEPS: Final = frozenset(
    {
        Step.PLANNING,
        Step.ARCHITECT,
        Step.IMPLEMENT,
        Step.TEST,
        Step.REVIEW,
        Step.FIX,
        Step.REFACTOR,
        Step.DOCUMENT,
        Step.PR,
    }
)
"""The steps in which an agent works: they can fail, and they can meet a limit."""

GATES: Final = frozenset({Step.PLAN_GATE, Step.MERGE_GATE, Step.FAILURE_GATE, Step.BUDGET_GATE})
"""The steps in which the graph waits for a person."""

EARLIER_STEPS: Final = frozenset({Step.ARCHITECT, Step.IMPLEMENT, Step.TEST})
"""Where a new attempt may begin again, before the step that failed."""

_TROUBLE: Final = frozenset({Step.TIME_MACHINE, Step.BUDGET_GATE})

TRANSITIONS: Final[dict[Step, frozenset[str]]] = {
    Step.PLANNING: _TROUBLE | {Step.ARCHITECT},
    Step.ARCHITECT: _TROUBLE | {Step.PLAN_GATE},
    Step.PLAN_GATE: frozenset({Step.IMPLEMENT, Step.ARCHITECT, END}),
    Step.IMPLEMENT: _TROUBLE | {Step.TEST},
    Step.TEST: _TROUBLE | {Step.REVIEW, Step.FIX},
    Step.REVIEW: _TROUBLE | {Step.DOCUMENT, Step.FIX, Step.REFACTOR},
    Step.FIX: _TROUBLE | {Step.TEST},
    Step.REFACTOR: _TROUBLE | {Step.TEST},
    Step.DOCUMENT: _TROUBLE | {Step.PR},
    Step.PR: _TROUBLE | {Step.MERGE_GATE},
    Step.MERGE_GATE: frozenset({Step.MERGE, Step.FIX, END}),
    Step.MERGE: frozenset({Step.FIX, Step.TEST, Step.MERGE_GATE, END}),
    Step.TIME_MACHINE: AGENT_STEPS | {Step.FAILURE_GATE},
    Step.FAILURE_GATE: AGENT_STEPS | {END},
    Step.BUDGET_GATE: AGENT_STEPS | {END},
}
"""Every edge of the epic graph; the graph is wired from it and a test compares the drawn graph with it."""


def advance(here: Step, there: Step) -> Step:
    """The step `there`, if the table has an edge to it from `here`.

    Raises:
        IllegalTransition: if it has none.
    """
    if there not in TRANSITIONS[here]:
        raise IllegalTransition(here, there)
    return there
