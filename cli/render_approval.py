"""Approvals as tables for people: what is asked, who may decide it and until when, and who said what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from cli.render import GOAL_WIDTH, clean, facts, on_one_line, status_text, table
from cli.words import ago, local, many
from engine.views import ApprovalView
from epics.approval_terms import Terms
from epics.approvals import ApprovalStatus
from epics.votes import Vote


def approvals_table(approvals: Sequence[ApprovalView]) -> Table:
    """Approvals, one per row and line."""
    return table(
        ("APPROVAL", "EPIC", "GATE", "STATUS", "VOTES", "AGO", "BY", "QUESTION"),
        [
            (
                Text(approval.id, style="bold"),
                approval.epic,
                approval.gate,
                status_text(approval.status),
                f"{len(approval.votes)} of {approval.terms.quorum}" if approval.terms.quorum > 1 else "",
                ago(approval.requested_at),
                clean(approval.decided_by or "", 20),
                on_one_line(approval.question, GOAL_WIDTH),
            )
            for approval in approvals
        ],
        right=("AGO",),
    )


def approval_facts(approval: ApprovalView) -> Table:
    """One approval, a fact per row."""
    decided = (
        f"{approval.decision}, by {approval.decided_by} ({approval.channel}), {local(approval.decided_at)}" if approval.decision else ""
    )
    waits = approval.status is ApprovalStatus.PENDING
    return facts(
        [
            ("approval", Text(approval.id, style="bold")),
            ("epic", approval.epic),
            ("requested by", clean(approval.requested_by or "", 200)),
            ("gate", f"{approval.gate}, moment {approval.moment}"),
            ("status", status_text(approval.status)),
            ("question", clean(approval.question, 2_000)),
            ("who decides", clean(_who(approval.terms), 2_000)),
            ("votes", clean(_votes(approval), 5_000)),
            ("decided", clean(decided, 500)),
            ("comment", clean(approval.comment or "", 2_000)),
            ("asked", local(approval.requested_at)),
            ("reminder", _due(approval.remind_at, approval.reminded_at, waits=waits)),
            ("escalation", clean(_escalation(approval, waits=waits), 2_000)),
            ("expires", _expiry(approval)),
        ]
    )


def waits_for_others(approval: ApprovalView) -> str:
    """What is said to somebody whose vote is not enough."""
    said = many(len(approval.votes), "vote")
    return f"{approval.gate} of epic {approval.epic}: {said} so far, and {approval.terms.quorum} people must say the same"


def _who(terms: Terms) -> str:
    lists = [" or ".join(side.who) for side in terms.sides if side.who]
    who = ", and also on this list: ".join(lists)
    parts = [who, f"{terms.quorum} of them must say the same" if terms.quorum > 1 else ""]
    if not terms.own:
        parts.append("not who requested the epic")
    return "; ".join(part for part in parts if part)


def _votes(approval: ApprovalView) -> str:
    # One person alone is told with the decision.
    return "\n".join(map(_vote, approval.votes)) if approval.terms.quorum > 1 or len(approval.votes) > 1 else ""


def _vote(vote: Vote) -> str:
    what = f" to moment {vote.to}" if vote.to is not None else f" by {vote.amount_usd:f} USD" if vote.amount_usd is not None else ""
    return f"{vote.choice}{what}, by {vote.person} ({vote.channel}), {local(vote.at)}{f': {vote.comment}' if vote.comment else ''}"


def _escalation(approval: ApprovalView, *, waits: bool) -> str:
    due = _due(approval.escalate_at, approval.escalated_at, waits=waits)
    return f"{due}, to {', '.join(approval.terms.escalates_to)}, who may decide from then on" if due else ""


def _due(at: datetime | None, done_at: datetime | None, *, waits: bool) -> str:
    if done_at is not None:
        return f"done, {local(done_at)}"
    return local(at) if at is not None and waits else ""


def _expiry(approval: ApprovalView) -> str:
    if approval.expires_at is None:
        return ""
    then = "the epic is paused" if approval.terms.on_expiry == "pause" else "the epic ends"
    return f"{local(approval.expires_at)}; then {then}"
