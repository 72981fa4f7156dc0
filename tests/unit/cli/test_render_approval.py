from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

from rich.console import Console

from cli.render_approval import approval_facts, approvals_table, waits_for_others
from engine.views import ApprovalView
from epics.approval_terms import Side, Terms
from epics.approvals import ApprovalStatus, Choice
from epics.steps import Step
from epics.votes import Vote

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

TERMS = Terms(
    who=("anna", "group:leads"),
    also=(Side(who=("role:admin",)),),
    escalate_to=("zoe",),
    escalate_s=3_600,
    quorum=2,
    own=False,
    on_expiry="reject",
)

APPROVAL = ApprovalView(
    id="a-0123456789",
    epic="e-0123456789",
    repo="/repo",
    gate=Step.MERGE_GATE,
    moment=8,
    status=ApprovalStatus.PENDING,
    content_hash="h",
    question="Shall this be merged?",
    options=(Choice.APPROVE, Choice.CHANGES, Choice.REJECT),
    summary="",
    requested_at=NOW,
    expires_at=NOW + timedelta(days=3),
    decision=None,
    decided_by=None,
    decided_at=None,
    channel=None,
    comment=None,
    to=None,
    amount_usd=None,
    requested_by="rick",
    terms=TERMS,
    votes=(Vote(person="anna", choice=Choice.APPROVE, channel="slack", at=NOW, comment="Fine\x1b[2J."),),
    escalate_at=NOW + timedelta(hours=1),
)


def shown(renderable):
    file = StringIO()
    Console(file=file, width=200).print(renderable)
    return file.getvalue()


def test_who_decides_who_has_and_until_when_can_be_read():
    text = shown(approval_facts(APPROVAL))

    assert "anna or group:leads, and also on this list: role:admin; 2 of them must say the same; not who requested the epic" in text
    assert "approve, by anna (slack)" in text
    assert "to zoe, who may decide from then on" in text
    assert "then the epic ends" in text
    assert "\x1b" not in text


def test_an_approval_that_one_person_gives_says_nothing_of_votes():
    plain = APPROVAL.model_copy(update={"terms": Terms(), "votes": (), "escalate_at": None, "expires_at": None})

    text = shown(approval_facts(plain))

    assert not {"votes", "who decides", "expires", "escalation", "reminder"} & {line.split("  ")[0].strip() for line in text.splitlines()}
    assert "VOTES" not in shown(approvals_table([plain]))


def test_a_list_says_how_many_have_spoken():
    assert "1 of 2" in shown(approvals_table([APPROVAL]))
    assert waits_for_others(APPROVAL) == "merge_gate of epic e-0123456789: 1 vote so far, and 2 people must say the same"
