"""Reading checkpoints without a lease: states of the past, never written."""

from __future__ import annotations

from collections.abc import Iterable

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from pydantic import ValidationError

from db.connection import Pool
from db.failures import foreseen
from db.upgrading import UpgradingSaver
from epics.errors import EpicStrange, MomentNotFound
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
    return _state_in(found)


async def states_at(pool: Pool, epic_id: str, checkpoint_ids: Iterable[str], release: Release = THIS_RELEASE) -> dict[str, EpicState | str]:
    """The states that checkpoints of an epic hold, read in one go; of one that this release cannot read, why; none for one that is gone."""
    wanted = frozenset(checkpoint_ids)
    config: RunnableConfig = {"configurable": {"thread_id": epic_id, "checkpoint_ns": ""}}
    states: dict[str, EpicState | str] = {}
    try:
        with foreseen():
            async for found in UpgradingSaver(pool, release).alist(config):
                checkpoint_id = str(found.config.get("configurable", {})["checkpoint_id"])
                if checkpoint_id in wanted:
                    states[checkpoint_id] = _state_in(found)
    except (EpicStrange, ValidationError):
        # One that cannot be read ends the list: then each is read by itself.
        for checkpoint_id in wanted - states.keys():
            try:
                states[checkpoint_id] = await state_at(pool, epic_id, checkpoint_id, release)
            except MomentNotFound:
                continue
            except (EpicStrange, ValidationError) as error:
                states[checkpoint_id] = " ".join(str(error).split())[:500]
    return states


def _state_in(found: CheckpointTuple) -> EpicState:
    values = found.checkpoint["channel_values"]
    return EpicState.model_validate({name: value for name, value in values.items() if name in EpicState.model_fields})
