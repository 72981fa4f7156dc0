"""Carrying out a rollback under the lease of its epic: drawn up from what is true then, written as one checkpoint, shown as a branch."""

from __future__ import annotations

from dataclasses import replace

import structlog

from db.commands import refuse_rollback
from db.epics import Row, fetch_one
from db.leases import Lease
from engine.approvals.terms import keep_terms_before_gate
from engine.assembling import Installation
from engine.compatibility import adopt
from engine.merged_meanwhile import settle_merge
from engine.storing_packs import open_keeper
from engine.time_machine.orders import GoBack
from engine.time_machine.reverting import make_revert, reverting_state
from engine.time_machine.rollback_plan import Rollback, draw_up
from engine.time_machine.rollback_writing import show_branch, write_rollback
from epics.errors import Conflict, GenieError, LeaseLost, StoreUnavailable


async def obey_rollback(installation: Installation, lease: Lease, command: Row) -> bool:
    """Carry out a rollback that was asked of whoever holds the epic, or refuse it with the cause; say whether the epic was taken back.

    No order may strand the epic: one that cannot even be read, as that of a newer release, is refused too.
    """
    try:
        await apply_rollback(installation, lease, GoBack.from_json(command["data"]), command["id"])
    except (LeaseLost, StoreUnavailable):
        raise
    except GenieError as error:
        problem = str(error)
    except Exception as error:  # noqa: BLE001  # the last line of defence: it would be tried again for ever
        structlog.get_logger().warning("a rollback failed by what nobody foresaw", epic=lease.thread_id, error=repr(error)[:500])
        problem = f"{type(error).__name__}: {error}"[:2_000]
    else:
        return True
    return not await refuse_rollback(installation.database.pool, lease, command["id"], problem, command["data"])


async def apply_rollback(installation: Installation, lease: Lease, asked: GoBack, command: int | None = None) -> None:
    """Take an epic that we hold back, or raise without a change; see `roll_back` for what is raised.

    Args:
        installation: where the epic is.
        lease: of the epic.
        asked: what is asked for.
        command: the order that is carried out by it, if one was left.
    """
    pool = installation.database.pool
    facts = await fetch_one(pool, "epic_facts", {"epic": lease.thread_id}) or {}
    if not await adopt(pool, lease, facts, installation.release):
        message = f"epic {lease.thread_id} cannot be taken back by this Genie: see `genie epic show {lease.thread_id}`"
        raise Conflict(message)
    await settle_merge(installation, lease, facts)
    facts = await fetch_one(pool, "epic_facts", {"epic": lease.thread_id}) or {}
    rollback = replace(await draw_up(pool, facts, asked), command=command)
    if rollback.kind == "revert":
        rollback = await _with_revert(installation, lease, facts, rollback)
    await keep_terms_before_gate(installation, lease, facts, rollback.state)
    branch = await write_rollback(installation, lease, rollback, rollback.state)
    await show_branch(installation, facts, branch, rollback.state.head)


async def _with_revert(installation: Installation, lease: Lease, facts: Row, rollback: Rollback) -> Rollback:
    made = await make_revert(installation, facts, rollback)
    keeper = await open_keeper(installation.database.pool, lease, made.workspace.mirror, facts, made.tip)
    await keeper.keep_on_base(made.tip, made.tip)
    await keeper.keep(made.commit, beside=(made.tip,))
    return replace(rollback, state=await reverting_state(facts, rollback, made), tree=made.tree)
