"""Advancing an epic: from wherever its newest checkpoint is, under its lease, until it waits, ends, or is stopped."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from structlog.contextvars import bound_contextvars

from db.connection import Pool
from db.epics import Row, epic_facts, pause_epic, postpone_epic, record_event
from db.jobs import forget_hints
from db.leases import Lease
from db.runs import end_run
from engine.assembling import Installation
from engine.breaker import AgentLeftOut, note_trouble
from engine.compatibility import adopt, leave_to_newer
from engine.draining import HandedOver, Rests
from engine.driving import drive
from engine.lease_keeper import Hold, hold_epic, let_go
from engine.postponing import put_off, retries_so_far
from engine.runs.driving import drive_run
from engine.runs.trouble import waiting_may_cure
from engine.time_machine.commands import apply_commands
from engine.time_machine.racing import carry_race, come_to_rest
from epics.callers import GENIE, acting_as
from epics.errors import (
    AttemptCut,
    GenieError,
    LeaseLost,
    ModelUnavailable,
    StoreUnavailable,
)
from epics.runs import RunStatus, is_run
from epics.state import TERMINAL

_RETRY_AFTER_S: Final = (0.5, 1.0, 2.0, 4.0)


async def advance_epic(installation: Installation, epic_id: str, *, lease: Lease | None = None) -> None:
    """Run an epic under its lease until it waits for a person or for a better time, ends, is paused, cancelled, or handed over.

    Args:
        installation: where it runs.
        epic_id: the epic.
        lease: its lease, if it was taken already.

    Raises:
        EpicHeld: if a live worker has the epic.
        EpicStrange: if a newer Genie carries it on; it is left to that one.
        LeaseLost: if another worker took it over meanwhile.
        StoreUnavailable: if the database stays away; the epic goes on from its newest checkpoint when it is back.
    """
    database, release = installation.database, installation.release
    leave_to_newer(await epic_facts(installation.database.pool, epic_id), release)
    # Whoever's terminal it is in: what is carried on is Genie's own work, as a worker's is.
    with bound_contextvars(epic=epic_id), acting_as(GENIE):
        async with hold_epic(database, epic_id, seconds=installation.lease_seconds, lease=lease) as hold:
            # What the worker before us did not come to.
            is_over = await apply_commands(installation, hold.lease)
            await carry_race(installation, hold.lease)
            if is_over:
                return
            row = await epic_facts(installation.database.pool, epic_id)
            if row["status"] in TERMINAL or row["status"] == "paused" or await _is_poison(installation, hold.lease, row):
                return
            if not await adopt(database.pool, hold.lease, row, release):
                return
            if row["status"] == "queued":
                taken = {"epoch": hold.lease.epoch, **({"from": hold.lease.died} if hold.lease.died else {})}
                await record_event(database.pool, hold.lease, "run_taken" if is_run(epic_id) else "epic_taken", taken)
            await _drive_until_nothing_is_asked(installation, hold)
            if (await epic_facts(installation.database.pool, epic_id))["status"] in TERMINAL:
                await forget_hints(database.pool, epic_id)


async def _is_poison(installation: Installation, lease: Lease, row: Row) -> bool:
    """Park an epic over which one worker after the other died; say whether that was done."""
    if lease.takeovers < installation.dispatch.max_takeovers:
        return False
    problem = (
        f"{lease.takeovers} workers in a row died while they ran the step {row['step']}, and it came no further; the last was "
        f"{lease.died}: see what the step does to its machine (memory, disk, a crash), then "
        f"{'start it again' if is_run(lease.thread_id) else 'resume the epic'}"
    )
    await _park(installation.database.pool, lease, problem)
    return True


async def _park(pool: Pool, lease: Lease, problem: str) -> None:
    """Stop with the cause: an epic until a person resumes it, a run for good."""
    if is_run(lease.thread_id):
        await end_run(pool, lease, {"status": RunStatus.FAILED, "problem": problem})
    else:
        await pause_epic(pool, lease, problem)


async def _drive_until_nothing_is_asked(installation: Installation, hold: Hold) -> None:
    """Drive, and do so again where a decision, or a command that is refused, came while the worker was leaving."""
    epic_id, moment = hold.lease.thread_id, -1
    while (row := await epic_facts(installation.database.pool, epic_id))["status"] != "paused":
        await _drive_until_stopped(installation, hold)
        # Told to stop for what was refused then, or was done meanwhile: the epic goes on.
        goes_on = hold.stop_asked and not await apply_commands(installation, hold.lease)
        if hold.handed_over:
            return
        row = await epic_facts(installation.database.pool, epic_id)
        # Who takes over finds what was asked, as we would.
        if not (goes_on and row["status"] == "queued") and await let_go(installation.database, hold.lease):
            return
        # A command that came between the two counts before anything more is run and paid for.
        while await apply_commands(installation, hold.lease):
            if await let_go(installation.database, hold.lease):
                return
        hold.go_on()
        before, moment = moment, row["moment"]
        if moment == before and not goes_on:
            problem = f"a decision was made, but the epic does not go on from moment {moment} with it"
            await pause_epic(installation.database.pool, hold.lease, problem)
            return


async def _drive_until_stopped(installation: Installation, hold: Hold) -> None:
    epic_id = hold.lease.thread_id
    driving = asyncio.create_task(_drive_on(installation, hold), name=f"epic-{epic_id}")
    stopped = asyncio.create_task(hold.stopped(), name=f"stop-{epic_id}")
    try:
        await asyncio.wait({driving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        driving.cancel()
        await asyncio.wait({driving})
    if hold.lost is not None:
        message = f"the lease of epic {epic_id} is lost: {hold.lost}"
        raise LeaseLost(message)
    if not driving.cancelled() and (error := driving.exception()) is not None:
        raise error


async def _drive_on(installation: Installation, hold: Hold) -> None:
    """Drive the graph; a database that comes back is gone on with."""
    waits, came_to = iter(_RETRY_AFTER_S), hold.came_to
    while True:
        try:
            await (drive_run if is_run(hold.lease.thread_id) else drive)(installation, hold)
        except LeaseLost:
            raise
        except StoreUnavailable:
            if came_to != hold.came_to:
                # The database was there meanwhile, and the epic moved.
                waits, came_to = iter(_RETRY_AFTER_S), hold.came_to
            wait = next(waits, None)
            if wait is None and await _has_moved(installation, hold):
                waits = iter(_RETRY_AFTER_S)
                wait = next(waits)
            if wait is None:
                raise
            await asyncio.sleep(wait)
        except Exception as error:  # noqa: BLE001  # the last line of defence: what a step raised must be in the row
            await _leave(installation, hold, error)
            return
        else:
            return


async def _has_moved(installation: Installation, hold: Hold) -> bool:
    """Whether the epic has come further in the drive that broke off; False where the database does not say."""
    try:
        return bool((await epic_facts(installation.database.pool, hold.lease.thread_id))["moment"] != hold.came_to)
    except StoreUnavailable:
        return False


async def _leave(installation: Installation, hold: Hold, error: Exception) -> None:
    """What waiting cures is waited for; other trouble parks the epic with its cause (durability rule 8)."""
    pool = installation.database.pool
    if is_run(hold.lease.thread_id) and not isinstance(error, HandedOver | Rests):
        await note_trouble(pool, hold.lease, installation.dispatch.breaking, error)
    match error:
        case HandedOver():
            hold.handed_over = True
        case AgentLeftOut():
            # Not a try: it is put off until the agent is tried again, however often that is.
            tried = await retries_so_far(installation.database, hold.lease.thread_id)
            await postpone_epic(pool, hold.lease, str(error), seconds=error.seconds, retries=tried)
        case Rests():
            await come_to_rest(installation, hold.lease)
        case AttemptCut() if not is_run(hold.lease.thread_id):
            # Parked where it was found, in one transaction with what was found.
            return
        case ModelUnavailable():
            await put_off(installation.database, hold.lease, str(error), installation.dispatch)
        case GenieError() if await waiting_may_cure(installation, hold.lease.thread_id, error):
            await put_off(installation.database, hold.lease, str(error), installation.dispatch)
        case GenieError():
            await _park(pool, hold.lease, str(error))
        case _:
            log = structlog.get_logger()
            log.warning("an epic was stopped by an error that no step foresaw", epic=hold.lease.thread_id, error=repr(error)[:500])
            log.debug("where it came from", exc_info=error)
            await _park(pool, hold.lease, f"{type(error).__name__}: {error}"[:2_000])
