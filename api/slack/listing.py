"""Epics, approvals and people in lines that one person reads in Slack."""

from __future__ import annotations

from typing import Final

from api.slack.written import plain, shortened
from engine.views import ApprovalView, EpicView
from epics.callers import Caller

_MOST_GOAL: Final = 100


def epic_line(epic: EpicView) -> str:
    """An epic in a line."""
    return f"`{epic.id}` [{epic.status}] {epic.step} · {plain(shortened(epic.goal, _MOST_GOAL))}"


def epic_text(epic: EpicView) -> str:
    """An epic in a few lines."""
    limit = f" of ${epic.budget_usd:.2f}" if epic.budget_usd is not None else ""
    lines = [epic_line(epic), f"{plain(epic.repo)} · {plain(epic.base)} · ${epic.cost_usd:.2f}{limit}"]
    if epic.waiting_on is not None:
        lines.append(f"waits for a decision: `{epic.waiting_on}`")
    if epic.problem:
        lines.append(plain(shortened(epic.problem, 500)))
    return "\n".join(lines)


def approval_line(approval: ApprovalView) -> str:
    """What waits for a decision, in a line."""
    return f"`{approval.id}` {approval.gate} · `{approval.epic}` {plain(shortened(approval.question, _MOST_GOAL))}"


def person_text(caller: Caller) -> str:
    """Who somebody is to Genie, and what they may do where."""
    roles = [f"{grant.role} on {plain(grant.repo)}" for grant in caller.grants] or ["no role yet: ask an admin for one"]
    groups = f" · in {', '.join(plain(group) for group in caller.groups)}" if caller.groups else ""
    return f"You are {plain(caller.person)} (`{caller.via}`){groups}: {'; '.join(roles)}"
