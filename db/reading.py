"""Reading checkpoints without a lease: states of the past, never written."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig

from db.connection import Pool
from db.failures import foreseen
from db.upgrading import UpgradingSaver
from epics.errors import MomentNotFound
from epics.state import EpicState
from epics.upgrades import THIS_RELEASE, Release


async def state_at(pool: Pool, epic_id: str, checkpoint_id: str, release: Release = THIS_RELEASE) -> EpicState:
    """The state that a checkpoint of an epic holds.

    Raises:
        MomentNotFound: if the checkpoint is not stored any more.
    """
    config: RunnableConfig = {"configurable": {"thread_id": epic_id, "checkpoint_ns": "", "checkpoint_id": checkpoint_id}}
    with foreseen():
        found = await UpgradingSaver(pool, release).aget_tuple(config)
    if found is None:
        message = f"the checkpoint {checkpoint_id} of epic {epic_id} is not stored any more"
        raise MomentNotFound(message)
    values = found.checkpoint["channel_values"]
    return EpicState.model_validate({name: value for name, value in values.items() if name in EpicState.model_fields})
