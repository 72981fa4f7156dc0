"""An epic that is stopped at its merge: whether that was made is looked up, so that it ends, or goes back, from what is true."""

from __future__ import annotations

from db.epics import Row
from db.leases import Lease
from engine.assembling import Installation
from engine.checkpoints import config_of, saver_for
from engine.effects import landed_meanwhile
from epics.state import TERMINAL, Ended, EpicState, StepRecord
from epics.steps import Step
from graphs.epic import compile_epic_graph
from timemachine.workspace import open_workspace


async def settle_merge(installation: Installation, lease: Lease, facts: Row) -> str | None:
    """Record the merge of an epic that we hold, if it was made and its step did not come to say so; return the commit of it, or None.

    Raises:
        EffectUnknown: if it was begun, and the repository cannot be read to see whether it was made.
    """
    if facts["status"] in TERMINAL or facts["step"] != Step.MERGE:
        return None
    config = config_of(lease.thread_id)
    graph = compile_epic_graph(saver_for(installation.database, lease, installation.release))
    state = EpicState.model_validate((await graph.aget_state(config)).values)
    workspace = await open_workspace(installation.home, facts["repo"], installation.git_environment)
    landed = await landed_meanwhile(installation.database.pool, lease, workspace.mirror, base=facts["base"], head=state.head)
    if landed is not None:
        last = StepRecord(step=Step.MERGE, outcome="done", branch=state.branch, note=f"merged to {facts['base']} at {landed[:12]}")
        await graph.aupdate_state(config, {"ended": Ended.MERGED, "last": last, "step": state.step}, as_node=Step.MERGE)
    return landed
