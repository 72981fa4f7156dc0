"""Votes on an approval that needs more than one person: when they are enough, and the one decision that they make together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field, PlainSerializer

from epics.approvals import GOES_ON, MOST_COMMENT, Choice, Decision
from epics.errors import AlreadyVoted, InvalidInput
from epics.records import Record

Amount = Annotated[Decimal, PlainSerializer(lambda value: format(value, "f"), return_type=str, when_used="json")]

SEPARATOR: Final = "\n\n"


class Vote(Record):
    """What one person said about one approval."""

    person: str
    choice: Choice
    comment: str = ""
    channel: str
    at: datetime
    to: int | None = None
    amount_usd: Amount | None = Field(default=None)

    def says_as(self, decision: Decision) -> bool:
        """Whether it is for the same, in every particular that the choice has."""
        if self.choice is not decision.choice:
            return False
        same_place = self.choice is not Choice.ROLLBACK or self.to == decision.to
        return same_place and (self.choice is not Choice.RAISE or self.amount_usd == decision.amount_usd)


def decision_with(decision: Decision, votes: Sequence[Vote], quorum: int) -> Decision | None:
    """The decision that is made once one more person says this; None while others must say the same first.

    To send back, to reject and to give up takes one person, whatever the others said before.

    Args:
        decision: what is said now.
        votes: what was said before, each person once.
        quorum: how many must say the same for the epic to go on.

    What those wrote who said something else is told too where there is room for all.

    Raises:
        AlreadyVoted: if the same person has said the same before.
        InvalidInput: if the comments of those who say the same have no room in one decision.
    """
    others = [vote for vote in votes if vote.person != decision.by]
    if len(others) < len(votes) and any(vote.person == decision.by and vote.says_as(decision) for vote in votes):
        message = f"{decision.by} has said {decision.choice} already, and it needs {quorum} people: ask another one"
        raise AlreadyVoted(message)
    agreeing = [vote for vote in others if vote.says_as(decision)]
    if decision.choice not in GOES_ON:
        # By many words nobody keeps others from stopping it.
        return decision.model_copy(update={"comment": _in_order(others, decision) if _fits(others, decision) else decision.comment})
    if len(agreeing) + 1 < quorum:
        # With the name, under which it will be told: those who are still to say the same without a word have room then.
        _check_room(_named(agreeing, decision))
        return None
    comment = _in_order(others if _fits(others, decision) else agreeing, decision)
    _check_room(comment)
    names = ", ".join((*(vote.person for vote in agreeing), decision.by))
    return decision.model_copy(update={"by": names, "comment": comment})


def _in_order(others: Sequence[Vote], decision: Decision) -> str:
    """What all of them wrote, word for word; each with the name where more than one person said something."""
    return _named(others, decision) if others else decision.comment


def _named(others: Sequence[Vote], decision: Decision) -> str:
    said = [*((vote.person, vote.comment) for vote in others), (decision.by, decision.comment)]
    return SEPARATOR.join(f"{person}: {comment}" for person, comment in said if comment.strip())


def _fits(others: Sequence[Vote], decision: Decision) -> bool:
    return len(_in_order(others, decision)) <= MOST_COMMENT


def _check_room(text: str) -> None:
    if len(text) > MOST_COMMENT:
        message = f"the comments of all who decide here have {len(text):,} characters; at most {MOST_COMMENT:,} fit: shorten yours"
        raise InvalidInput(message)
