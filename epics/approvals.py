"""Gates, what a person may decide at each, and the one decision that counts."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final

from pydantic import Field

from epics.errors import InvalidInput
from epics.records import Record
from epics.steps import Step


class Choice(StrEnum):
    """What a person may decide; stored data."""

    APPROVE = "approve"
    CHANGES = "changes"
    REJECT = "reject"
    RETRY = "retry"
    ROLLBACK = "rollback"
    RAISE = "raise"
    ABANDON = "abandon"


class ApprovalStatus(StrEnum):
    """Where an approval stands; all but `pending` are for ever."""

    PENDING = "pending"
    APPROVED = "approved"
    CHANGES = "changes"
    REJECTED = "rejected"
    RESOLVED = "resolved"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


OPTIONS: Final[dict[Step, tuple[Choice, ...]]] = {
    Step.PLAN_GATE: (Choice.APPROVE, Choice.CHANGES, Choice.REJECT),
    Step.MERGE_GATE: (Choice.APPROVE, Choice.CHANGES, Choice.REJECT),
    Step.FAILURE_GATE: (Choice.RETRY, Choice.ROLLBACK, Choice.ABANDON),
    Step.BUDGET_GATE: (Choice.RAISE, Choice.ABANDON),
}
"""The choices that each gate offers, the one that goes on first."""

STATUS_AFTER: Final[dict[Choice, ApprovalStatus]] = {
    Choice.APPROVE: ApprovalStatus.APPROVED,
    Choice.CHANGES: ApprovalStatus.CHANGES,
    Choice.REJECT: ApprovalStatus.REJECTED,
    Choice.RETRY: ApprovalStatus.RESOLVED,
    Choice.ROLLBACK: ApprovalStatus.RESOLVED,
    Choice.RAISE: ApprovalStatus.RESOLVED,
    Choice.ABANDON: ApprovalStatus.RESOLVED,
}


GOES_ON: Final = frozenset({Choice.APPROVE, Choice.RETRY, Choice.ROLLBACK, Choice.RAISE})
"""The choices that let an epic go on, for which an approval may need several people."""

MOST_COMMENT: Final = 20_000

IN_ADVANCE: Final = "--yes"
"""Who decided, where a person had said yes before the gate opened."""

AUTO: Final = "auto"
"""The channel of what Genie decides by itself: on a word given in advance, by a rule, or because time is over."""


class Decision(Record):
    """What was decided at one gate, and by whom."""

    choice: Choice
    comment: str = Field(default="", max_length=MOST_COMMENT)
    by: str
    channel: str
    to: int | None = Field(default=None, ge=1, description="The moment that a rollback goes to.")
    amount_usd: Decimal | None = Field(default=None, gt=0, description="By how many US dollars a raise lifts the limit.")


def check_decision(gate: Step, decision: Decision) -> None:
    """Hold a decision against what its gate offers.

    Raises:
        InvalidInput: if the gate does not offer the choice, or the choice lacks what it needs.
    """
    offered = OPTIONS[gate]
    if decision.choice not in offered:
        message = f"the {gate} takes {', '.join(offered)}; it cannot take {decision.choice}"
        raise InvalidInput(message)
    if "\0" in decision.comment:
        message = "the comment has a NUL character, which no text has: remove it"
        raise InvalidInput(message)
    if decision.choice is Choice.CHANGES and not decision.comment.strip():
        message = "changes need a comment that says what to change: give --comment"
        raise InvalidInput(message)
    if decision.choice is Choice.ROLLBACK and decision.to is None:
        message = "a rollback needs the number of the moment to go back to: give --to"
        raise InvalidInput(message)
    if decision.choice is Choice.RAISE and decision.amount_usd is None:
        message = "a raise needs the amount in US dollars: give --amount"
        raise InvalidInput(message)
