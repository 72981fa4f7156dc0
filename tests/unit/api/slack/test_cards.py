"""Cards and status lines: what they say, byte by byte, and that no text of others can say more than text."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.slack.blocks import Payload, Words
from api.slack.cards import Reader, card
from api.slack.decisions import noted
from api.slack.status_line import ended, parked, reminder, root
from engine.slack.facts import CardFacts, Part, ThreadFacts
from engine.slack.known_people import KnownPeople
from engine.views import ApprovalView, EpicView, EventView, Tokens
from epics.approval_terms import Side, Terms
from epics.approvals import OPTIONS, ApprovalStatus, Choice, Decision
from epics.callers import Caller
from epics.roles import Grant, Role
from epics.steps import Step
from epics.votes import Vote
from safety.scrubbing import Scrubber
from tests.fakes.slack.blocks import MOST_OF_ALL_BLOCKS, faults_of_blocks
from tests.fakes.slack.workspace import Message

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "cards.json"
ANNA = Caller(person="anna", channel="slack", groups=("leads",), grants=(Grant(role=Role.APPROVER),))
READER = Reader(
    words=Words(Scrubber(["the-planted-secret"])), people=KnownPeople(people=((ANNA, "U0ANNA"),)), public_url="https://g.example.org/"
)


def asked(gate: Step = Step.PLAN_GATE, **more: Any) -> ApprovalView:
    """An approval that waits."""
    given = {
        "id": "a-1234567890",
        "epic": "e-1234567890",
        "repo": "/repo",
        "gate": gate,
        "moment": 3,
        "status": ApprovalStatus.PENDING,
        "content_hash": "f" * 64,
        "question": "Shall it?",
        "options": OPTIONS[gate],
        "summary": "What it is about.",
        "requested_at": AT,
        **dict.fromkeys(("expires_at", "decision", "decided_by", "decided_at", "channel", "comment", "to", "amount_usd")),
        **more,
    }
    return ApprovalView.model_validate(given)


def decided(choice: Choice, status: ApprovalStatus, gate: Step = Step.PLAN_GATE, **more: Any) -> ApprovalView:
    """An approval that was decided."""
    who = {"decision": choice, "decided_by": "anna", "decided_at": AT, "channel": "slack", "status": status}
    return asked(gate, **{**who, **more})


def epic(**more: Any) -> EpicView:
    """An epic."""
    unset = dict.fromkeys(("branch", "head", "waiting_on", "failure", "problem", "executor", "model"))
    given = {
        "id": "e-1234567890",
        "goal": "Greet people",
        "repo": "/repo",
        "base": "main",
        "status": "running",
        "step": Step.IMPLEMENT,
        "attempt": 2,
        "moment": 3,
        "cost_usd": Decimal("0.42"),
        "budget_usd": Decimal(5),
        "tokens": Tokens(),
        "autonomy": "auto",
        "labels": {},
        "created_at": AT,
        "updated_at": AT,
        "requested_by": "anna",
        **unset,
        **more,
    }
    return EpicView.model_validate(given)


def thread(*approvals: ApprovalView, **more: Any) -> ThreadFacts:
    """What a thread tells of."""
    return ThreadFacts(epic=epic(**more), approvals=approvals, events=(), is_entry=False)


FACTS = CardFacts(parts=(Part(title="", text="A file."), Part(title="Tasks", text="1. Write it")), cost_usd="$0.42", tests="tests passed")

SAID: dict[str, Payload] = {
    "plan": card(asked(), FACTS, READER),
    "merge with a policy": card(
        asked(
            Step.MERGE_GATE,
            terms=Terms(who=("anna", "group:leads", "role:admin"), quorum=2, own=False, also=(Side(who=("bob",)),)),
            votes=(Vote(person="anna", choice=Choice.APPROVE, channel="cli", at=AT),),
            requested_by="carl",
            expires_at=AT + timedelta(days=1),
        ),
        FACTS,
        READER,
    ),
    "failure": card(asked(Step.FAILURE_GATE), FACTS, READER),
    "budget": card(asked(Step.BUDGET_GATE), CardFacts(), READER),
    "approved": card(decided(Choice.APPROVE, ApprovalStatus.APPROVED), FACTS, READER),
    "changes": card(decided(Choice.CHANGES, ApprovalStatus.CHANGES, comment="Say hello.\nTwice.", channel="http"), FACTS, READER),
    "rolled back": card(decided(Choice.ROLLBACK, ApprovalStatus.RESOLVED, Step.FAILURE_GATE, to=2, channel="cli"), FACTS, READER),
    "raised": card(decided(Choice.RAISE, ApprovalStatus.RESOLVED, Step.BUDGET_GATE, amount_usd=Decimal("2.5")), FACTS, READER),
    "superseded": card(asked(status=ApprovalStatus.SUPERSEDED), FACTS, READER),
    "expired": card(asked(status=ApprovalStatus.EXPIRED), FACTS, READER),
    "running": root(thread(), READER),
    "waiting": root(thread(asked(), status="waiting", step=Step.PLAN_GATE), READER),
    "paused": root(thread(status="paused", problem="the repository is gone"), READER),
    "ended": ended(
        thread(status="merged"),
        EventView(id=9, type="epic_ended", time=AT, data={"status": "merged", "commit": "c" * 40, "why": ""}),
        READER,
    ),
    "parked": parked(thread(status="paused"), EventView(id=9, type="epic_paused", time=AT, data={"problem": "no disk"}), READER),
    "reminder": reminder(asked(), READER.people, READER, to=(), escalated=False),
    "escalated": reminder(asked(), READER.people, READER, to=("group:others",), escalated=True),
}


def test_each_card_says_what_it_said_before():
    # To change one on purpose: write SAID into the file anew, and read the difference.
    assert {name: {"text": said.text, "blocks": list(said.blocks)} for name, said in SAID.items()} == json.loads(GOLDEN.read_text())


@pytest.mark.parametrize("name", SAID)
def test_slack_takes_each_card(name):
    assert faults_of_blocks(list(SAID[name].blocks)) == []
    assert faults_of_blocks(list(SAID[name].minimal.blocks)) == []


@pytest.mark.parametrize("name", SAID)
def test_only_what_waits_has_buttons_and_what_ends_an_epic_asks_once_more(name):
    elements = [element for block in SAID[name].blocks if block["type"] == "actions" for element in block["elements"]]

    assert bool(elements) == (name in {"plan", "merge with a policy", "failure", "budget"})
    assert [element["action_id"] for element in elements if "confirm" in element] == [
        element["action_id"] for element in elements if element["action_id"] in {"genie_reject", "genie_abandon"}
    ]


EVIL = ["<!channel>", "@here", "<@U0BOB>", "&", "<https://x|y>", "*", "`", "\n", "the-planted-secret", "\u202e"]
TEXTS = st.one_of(
    st.text(max_size=4_000),
    st.lists(
        st.sampled_from(["<!channel>", "@here", "<@U0BOB>", "&", "<https://x|y>", "*", "`", "\n", "the-planted-secret", "\u202e"])
    ).map("".join),
    st.just("&<>" * 3_000),
)


@given(text=TEXTS)
def test_no_text_of_others_calls_anybody_or_passes_a_limit(text):
    stored = Scrubber(["the-planted-secret"]).text(text)
    facts = CardFacts(
        parts=tuple(Part(title=stored[:300], text=stored[:2_500]) for _ in range(30)), cost_usd="$1", tests=text[:100] and "tests passed"
    )
    approval = asked(question=text, requested_by=text[:90] or "x", summary=text)
    settled = decided(Choice.CHANGES, ApprovalStatus.CHANGES, comment=text, decided_by=text, channel=text[:20])
    happened = EventView(id=1, type="epic_ended", time=AT, data={"status": "failed", "why": text, "commit": text, "problem": text})
    about = thread(approval, goal=text, repo=text or "/", base=text or "m", problem=text, status="paused", requested_by=text)
    said = [
        card(approval, facts, READER),
        card(settled, facts, READER),
        root(about, READER),
        ended(about, happened, READER),
        parked(about, happened, READER),
    ]

    messages = [Message(channel="C", ts="1", user="U", text=payload.text, blocks=list(payload.blocks)) for payload in said]
    fallbacks = [Message(channel="C", ts="1", user="U", text=payload.text) for payload in said]
    assert [faults_of_blocks(message.blocks) for message in messages] == [[]] * 5
    assert [message.notified for message in (*messages, *fallbacks)] == [set()] * 10
    assert all(payload.text for payload in said)
    assert not [message for message in messages if "the-planted-secret" in message.said]


def test_who_wants_another_amount_is_not_counted_with_the_others():
    amounts = (("anna", Decimal(5)), ("ben", Decimal(10)))
    votes = tuple(Vote(person=name, choice=Choice.RAISE, channel="cli", at=AT, amount_usd=amount) for name, amount in amounts)
    waits = asked(Step.BUDGET_GATE, terms=Terms(quorum=2), votes=votes)

    said = noted(Decision(choice=Choice.RAISE, by="ben", channel="slack", amount_usd=Decimal(10)), waits)

    assert "That makes 1 of the 2 people" in said


def test_a_card_with_very_much_to_say_has_room_in_one_message():
    much = CardFacts(parts=tuple(Part(title=f"Part {n}", text="line\n" * 500) for n in range(10)), cost_usd="$0.42", tests="tests passed")
    settled = decided(Choice.CHANGES, ApprovalStatus.CHANGES, comment="word " * 4_000)

    for said in (card(asked(), much, READER), card(settled, much, READER)):
        assert all(f"Part {n}" in json.dumps(said.blocks) for n in range(10))
        assert len(json.dumps(said.blocks, ensure_ascii=False)) < MOST_OF_ALL_BLOCKS
