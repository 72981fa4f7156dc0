"""Approvals listed, shown and decided."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from cli import drive
from cli.carrying_on import alive
from cli.output import Output
from cli.render_approval import approval_facts, approvals_table, waits_for_others
from cli.render_gate import gate_parts
from cli.service import Service
from engine.views import ApprovalView, Page
from epics.approvals import ApprovalStatus, Decision
from epics.errors import ApprovalNotFound


async def list_approvals(service: Service, output: Output, *, status: str | None, epic: str | None, mine: bool = False) -> int:
    """List approvals, the newest first; with `mine`, those that wait for who asks."""
    epic_id = None if epic is None else (await service.epic(epic)).id
    approvals = await service.approvals(status=status, epic=epic_id, mine=mine)
    output.answer(record=Page[ApprovalView](items=approvals), parts=_approvals(approvals, status))
    return 0


async def show(service: Service, approval_id: str, output: Output) -> int:
    """Show an approval with what it asks about."""
    approval = await service.approval(approval_id)
    if output.as_json:
        output.json(approval)
        return 0
    output.show(approval_facts(approval), Text())
    output.show(*gate_parts(approval, await service.gate_content(approval.id)))
    if approval.status is ApprovalStatus.PENDING:
        drive.say_how_to_decide(approval, output)
    return 0


async def decide(service: Service, approval_id: str, decision: Decision, output: Output, *, go: bool) -> int:
    """Record a decision, and carry the epic on or say how."""
    try:
        asked = await service.approval(approval_id)
    except ApprovalNotFound:
        # An epic that waits no more: whoever comes late is told who was quicker.
        approval = await service.decide(approval_id, decision)
    else:
        approval = await service.decide(asked.id, decision, content_hash=asked.content_hash)
    if approval.status is ApprovalStatus.PENDING:
        return _voted(approval, output)
    output.say(f"{approval.gate} of epic {approval.epic}: {approval.decision}, by {approval.decided_by}", style="green")
    if go:
        return await drive.carry_on(service, await service.epic(approval.epic), output)
    if await alive(service):
        output.say(f"a running worker goes on with it; follow it with: genie epic watch {approval.epic}")
    else:
        output.say(f"go on with: genie epic resume {approval.epic}")
    if output.as_json:
        output.json(approval)
    return 0


def _voted(approval: ApprovalView, output: Output) -> int:
    output.say(waits_for_others(approval), style="yellow")
    if output.as_json:
        output.json(approval)
    return 0


def _approvals(approvals: tuple[ApprovalView, ...], status: str | None) -> Iterator[RenderableType]:
    if approvals:
        yield approvals_table(approvals)
    else:
        yield Text("nothing waits for a person" if status == "pending" else "there is no such approval")
