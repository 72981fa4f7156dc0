"""Decisions from Slack: what a button of a card stands for, and what becomes of it."""

from __future__ import annotations

import re
from typing import Final

from api.slack.desk import CHANNEL, Desk
from api.slack.sender import Sender
from db.hooks import Delivery
from engine.views import ApprovalView
from epics.approvals import ApprovalStatus, Choice, Decision
from epics.callers import Caller
from epics.errors import Superseded
from epics.records import Record

_ACTION: Final = re.compile(r"genie_([a-z]+)")
_VALUE: Final = re.compile(r"(a-[0-9a-z]{1,40}):([0-9A-Za-z_-]{1,200})")


class Pressed(Record):
    """A button that was pressed: what it chooses, on which approval, about which content."""

    choice: Choice
    approval: str
    content_hash: str


def choice_of(action_id: str) -> Choice | None:
    """What a button chooses; None if it is not one of those that decide."""
    match = _ACTION.fullmatch(action_id)
    return Choice(match[1]) if match is not None and match[1] in set(Choice) else None


def pressed(choice: Choice, value: str, block_id: str) -> Pressed:
    """What a button stands for, by what its card gave it.

    Raises:
        Superseded: if the card is not one of ours, or of a form that is not made any more.
    """
    match = _VALUE.fullmatch(value)
    if match is None or block_id != f"gate:{match[1]}":
        raise Superseded("its buttons are not those of a card of this Genie")
    return Pressed(choice=choice, approval=match[1], content_hash=match[2])


def delivery_of(sender: Sender, key: str, signed: str) -> Delivery:
    """How one click, command or message is known, however often it is delivered."""
    # With a slash, which no source of hooks has in its name.
    return Delivery(source=f"slack/{sender.team}", id=key[:400], signed=f"{sender.user} {signed}"[:800])


async def decide(desk: Desk, caller: Caller, asked: Pressed, decision: Decision, delivery: Delivery) -> str | None:
    """Decide; what there is to say to the person alone, if the card does not say it all."""
    by_person = decision.model_copy(update={"by": caller.person, "channel": CHANNEL})
    view = await desk.engine.slack.decide(asked.approval, by_person, asked.content_hash, delivery)
    return noted(decision, view) if view.status is ApprovalStatus.PENDING else None


def noted(decision: Decision, view: ApprovalView) -> str:
    """What somebody is told who said what others must say too."""
    # By another amount, or to another moment, is something else.
    same = sum(vote.says_as(decision) for vote in view.votes)
    return f"Noted: you {_DID[decision.choice]}. That makes {same} of the {view.terms.quorum} people that it needs."


_DID: Final[dict[Choice, str]] = {
    Choice.APPROVE: "approved",
    Choice.CHANGES: "asked for changes",
    Choice.REJECT: "rejected it",
    Choice.RETRY: "want it tried again",
    Choice.ROLLBACK: "want it rolled back",
    Choice.RAISE: "want the budget raised",
    Choice.ABANDON: "want it abandoned",
}
