"""Who may decide an approval: by the roles on its repository, and by its terms."""

from __future__ import annotations

from engine.views import ApprovalView
from epics.access_errors import NotEligible
from epics.approvals import GOES_ON, OPTIONS, ApprovalStatus, Choice, Decision
from epics.callers import GENIE, Caller
from epics.errors import ApprovalNotFound
from epics.roles import Deed


def check_caller(caller: Caller, approval: ApprovalView) -> None:
    """Hold the caller against the roles on the repository.

    Raises:
        ApprovalNotFound: if it may not even read there, in the words for what is not there.
        Forbidden: if it may read there, and decide nothing.
    """
    if not caller.may(Deed.READ, approval.repo):
        message = f"there is no approval {approval.id!r}: see `genie approval list`"
        raise ApprovalNotFound(message)
    caller.check(Deed.DECIDE, approval.repo)


def check_eligible(caller: Caller, approval: ApprovalView, decision: Decision) -> None:
    """Hold the caller against the terms of the approval; what Genie does by itself was held against them before.

    Raises:
        NotEligible: if others may decide this; says who.
    """
    if why := "" if caller == GENIE else why_not_eligible(caller, approval, decision.choice):
        message = f"{caller.person} may not {decision.choice} at the {approval.gate} of epic {approval.epic}: {why}"
        raise NotEligible(message)


def why_not_eligible(caller: Caller, approval: ApprovalView, choice: Choice) -> str:
    """Why the terms of an approval do not let a person choose this; empty if they do."""
    return approval.terms.why_not(
        caller,
        approval.repo,
        requested_by=approval.requested_by,
        goes_on=choice in GOES_ON,
        escalated=approval.escalated_at is not None,
    )


def waits_for(caller: Caller, approval: ApprovalView) -> bool:
    """Whether an approval waits for this person: it may let the epic go on, and has not said so yet."""
    if approval.status is not ApprovalStatus.PENDING or any(vote.person == caller.person for vote in approval.votes):
        return False
    return caller.may(Deed.DECIDE, approval.repo) and not why_not_eligible(caller, approval, OPTIONS[approval.gate][0])
