"""Approvals listed, shown and decided."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from cli import drive
from cli.output import Output
from cli.render import approval_facts, approvals_table
from cli.render_gate import gate_parts
from engine.engine import Engine
from engine.views import ApprovalView, Page
from epics.approvals import ApprovalStatus, Decision


async def list_approvals(engine: Engine, output: Output, *, status: str | None, epic: str | None) -> int:
    """List approvals, the newest first."""
    epic_id = None if epic is None else (await engine.epic(epic)).id
    approvals = await engine.approvals(status=status, epic=epic_id)
    output.answer(record=Page[ApprovalView](items=approvals), parts=_approvals(approvals, status))
    return 0


async def show(engine: Engine, approval_id: str, output: Output) -> int:
    """Show an approval with what it asks about."""
    approval = await engine.approval(approval_id)
    if output.as_json:
        output.json(approval)
        return 0
    output.show(approval_facts(approval), Text())
    output.show(*gate_parts(approval, await engine.gate_content(approval.id)))
    if approval.status is ApprovalStatus.PENDING:
        drive.say_how_to_decide(approval, output)
    return 0


async def decide(engine: Engine, approval_id: str, decision: Decision, output: Output, *, go: bool) -> int:
    """Record a decision, and carry the epic on or say how."""
    asked = await engine.approval(approval_id)
    approval = await engine.decide(asked.id, decision, content_hash=asked.content_hash)
    output.say(f"{approval.gate} of epic {approval.epic}: {approval.decision}, by {approval.decided_by}", style="green")
    if go:
        return await drive.carry_on(engine, await engine.epic(approval.epic), output)
    output.say(f"go on with: genie epic resume {approval.epic}")
    if output.as_json:
        output.json(approval)
    return 0


def _approvals(approvals: tuple[ApprovalView, ...], status: str | None) -> Iterator[RenderableType]:
    if approvals:
        yield approvals_table(approvals)
    else:
        yield Text("nothing waits for a person" if status == "pending" else "there is no such approval")
