"""What the thread of an epic is to say: its messages, in order, worked out from the rows each time anew."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from api.slack.blocks import Payload
from api.slack.cards import Reader, card
from api.slack.status_line import ended, parked, reminder, root, told
from engine.slack.facts import CardFacts, ThreadFacts
from engine.views import ApprovalView, EventView
from epics.approvals import ApprovalStatus

ROOT = "root"
CARD = "card"
CALLS = frozenset({"reminder", "escalation"})
"""Messages that only call people to a decision: they are not said any more when it is made."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A message that is to be there."""

    key: str
    """What it is about; there is one message for each."""
    kind: str
    write: Callable[[CardFacts], Payload]
    approval: ApprovalView | None = None
    is_edited: bool = True
    """Whether it changes after it was posted."""

    @property
    def is_final(self) -> bool:
        """Whether it will never say anything else: an approval that is settled stays so."""
        return self.kind == CARD and self.approval is not None and self.approval.status is not ApprovalStatus.PENDING

    @property
    def is_open(self) -> bool:
        """Whether somebody is to answer it: without it in Slack, nobody there could."""
        return self.kind == CARD and self.approval is not None and self.approval.status is ApprovalStatus.PENDING


def wanted_posts(facts: ThreadFacts, reader: Reader, posted: Collection[str]) -> list[Wanted]:
    """The messages of a thread: the first one, then what happened in the order in which it did.

    Args:
        facts: what the thread tells of.
        reader: what they are written with.
        posted: the keys of those that are there.
    """
    epic = facts.epic.id
    approvals = {approval.id: approval for approval in facts.approvals}
    wanted = [Wanted(key=f"{epic}:{ROOT}", kind=ROOT, write=lambda _facts: root(facts, reader))]
    for event in facts.events:
        approval = approvals.get(str(event.data.get("approval", "")))
        message = _message(facts, event, approval, reader)
        if message is not None and (message.key in posted or message.kind not in CALLS or _waits(approval)):
            wanted.append(message)
    there = {message.key for message in wanted}
    # A gate that was there before the thread, or whose event is gone.
    wanted += [made for approval in facts.approvals if (made := _card(approval, reader)).key not in there and made.is_open]
    return wanted


def _message(facts: ThreadFacts, event: EventView, approval: ApprovalView | None, reader: Reader) -> Wanted | None:
    match event.type:
        case "approval_opened" if approval is not None:
            return _card(approval, reader)
        case "approval_reminded" | "approval_escalated" if approval is not None:
            return _call(event, approval, reader)
        case "epic_ended":
            return _note(facts, event, lambda _facts: ended(facts, event, reader))
        case "epic_paused" if event.data.get("problem"):
            return _note(facts, event, lambda _facts: parked(facts, event, reader))
        case "people_told":
            return _note(facts, event, lambda _facts: told(facts, event, reader))
        case _:
            return None


def _card(approval: ApprovalView, reader: Reader) -> Wanted:
    return Wanted(
        key=f"{approval.epic}:{CARD}:{approval.id}", kind=CARD, write=lambda facts: card(approval, facts, reader), approval=approval
    )


def _call(event: EventView, approval: ApprovalView, reader: Reader) -> Wanted:
    escalated = event.type == "approval_escalated"
    kind = "escalation" if escalated else "reminder"
    to = tuple(str(name) for name in event.data.get("to" if escalated else "who", ()))
    return Wanted(
        key=f"{approval.epic}:{kind}:{event.id}",
        kind=kind,
        approval=approval,
        write=lambda _facts: reminder(approval, reader.people, reader, to=to, escalated=escalated),
        is_edited=False,
    )


def _note(facts: ThreadFacts, event: EventView, write: Callable[[CardFacts], Payload]) -> Wanted:
    return Wanted(key=f"{facts.epic.id}:note:{event.id}", kind="note", write=write, is_edited=False)


def _waits(approval: ApprovalView | None) -> bool:
    return approval is not None and approval.status is ApprovalStatus.PENDING
