"""The words and signs for where something stands: the codes are stable, the emoji are only how they are drawn."""

from __future__ import annotations

from typing import Final

from epics.approvals import ApprovalStatus, Choice
from epics.steps import Step

GATES: Final[dict[Step, str]] = {
    Step.PLAN_GATE: "Plan",
    Step.MERGE_GATE: "Merge",
    Step.FAILURE_GATE: "Failure",
    Step.BUDGET_GATE: "Budget",
}

BUTTONS: Final[dict[Choice, str]] = {
    Choice.APPROVE: "Approve",
    Choice.CHANGES: "Request changes",
    Choice.REJECT: "Reject",
    Choice.RETRY: "Retry with guidance…",
    Choice.ROLLBACK: "Roll back…",
    Choice.RAISE: "Raise…",
    Choice.ABANDON: "Abandon",
}

DANGER: Final[dict[Choice, str]] = {
    Choice.REJECT: "The epic ends here. Its branch and its history stay.",
    Choice.ABANDON: "The epic ends here, as failed. Its branch and its history stay.",
}
"""The choices that end an epic, each with what one is told before."""

DECIDED: Final[dict[Choice, tuple[str, str]]] = {
    Choice.APPROVE: ("approved", "Approved"),
    Choice.CHANGES: ("changes", "Changes requested"),
    Choice.REJECT: ("rejected", "Rejected"),
    Choice.RETRY: ("retry", "To be tried again"),
    Choice.ROLLBACK: ("rollback", "Rolled back"),
    Choice.RAISE: ("raised", "Limit raised"),
    Choice.ABANDON: ("abandoned", "Abandoned"),
}
"""Code and words for each choice."""

UNDECIDED: Final[dict[ApprovalStatus, str]] = {
    ApprovalStatus.SUPERSEDED: "What this asked about has changed: nobody need decide it any more.",
    ApprovalStatus.EXPIRED: "Nobody decided in time.",
}

CHANNELS: Final[dict[str, str]] = {"slack": "in Slack", "cli": "on the command line", "http": "over HTTP", "hook": "by a hook"}

EMOJI: Final[dict[str, str]] = {
    "queued": ":inbox_tray:",
    "running": ":gear:",
    "waiting": ":raised_hand:",
    "paused": ":double_vertical_bar:",
    "merged": ":white_check_mark:",
    "rejected": ":no_entry_sign:",
    "failed": ":x:",
    "cancelled": ":no_entry_sign:",
    "approved": ":white_check_mark:",
    "changes": ":pencil2:",
    "retry": ":repeat:",
    "rollback": ":rewind:",
    "raised": ":moneybag:",
    "abandoned": ":x:",
    "superseded": ":arrows_counterclockwise:",
    "expired": ":hourglass:",
    "reminder": ":bell:",
    "escalated": ":rotating_light:",
}


def code(name: str) -> str:
    """A category code with its sign, for people and for search."""
    return f"{EMOJI.get(name, ':small_blue_diamond:')} *[{name}]*"


def channel_words(channel: str | None) -> str:
    """By what way somebody decided."""
    return CHANNELS.get(channel or "", "")
