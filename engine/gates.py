"""What a person who decides at a gate needs to see."""

from __future__ import annotations

from db.epics import fetch_one
from db.reading import state_at
from engine.assembling import Installation
from engine.fetching_packs import bring_to_read
from engine.views import ApprovalView, GateContent
from epics.state import EpicState
from epics.steps import Step
from timemachine.diffs import diff_stat, diff_text
from timemachine.workspace import open_workspace

_DIFF_CAP = 200_000


async def gate_content(installation: Installation, approval: ApprovalView) -> GateContent:
    """Read the state that the approval's own moment holds, and the diff that goes with it."""
    moment = await fetch_one(installation.database.pool, "moment", {"epic": approval.epic, "n": approval.moment})
    facts = await fetch_one(installation.database.pool, "epic_facts", {"epic": approval.epic}) or {}
    state = await state_at(installation.database.pool, approval.epic, moment["checkpoint_id"]) if moment else EpicState()
    diff, stat = "", ""
    if approval.gate in {Step.MERGE_GATE, Step.FAILURE_GATE} and state.base != state.head:
        workspace = await open_workspace(installation.home, facts["repo"], installation.git_environment)
        await bring_to_read(installation.database.pool, workspace.mirror, facts, (state.base, state.head))
        shown = await diff_text(workspace.mirror, state.base, state.head, _DIFF_CAP)
        diff = f"{shown.text}\n[cut]" if shown.cut else shown.text
        stats = await diff_stat(workspace.mirror, state.base, state.head)
        stat = "\n".join(f"{line.path} | +{line.added} -{line.removed}" for line in stats)
    return GateContent(
        plan=state.plan,
        design=state.design,
        pull_request=state.pull_request if approval.gate is Step.MERGE_GATE else None,
        diff=diff,
        diff_stat=stat,
        failure=state.failure if approval.gate is Step.FAILURE_GATE else None,
        budget=state.budget if approval.gate is Step.BUDGET_GATE else None,
        tests=state.tests,
    )
