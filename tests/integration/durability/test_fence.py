"""Who does not hold an epic's lease writes nothing of it, and who takes it over reads a checkpoint that nobody adds to (rules 1 and 2)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.runnables import RunnableConfig

import db.attempts
import db.epics
from db.attempts import end_attempt, keep_setup, next_attempt_number, open_attempt
from db.connection import Database, Pool
from db.epics import pause_epic, postpone_epic, record_event
from db.fence import add_events, fenced
from db.journal import AttemptJournal, SavedTree
from db.leases import Lease, holder_of, release_lease, take_lease
from db.queries import QUERIES
from db.saver import FencedSaver
from engine.checkpoints import project_values
from epics.errors import EpicHeld, LeaseLost
from epics.steps import Step
from tests.integration.durability.writing import (
    ATTEMPT,
    HERE,
    LONG_S,
    THERE,
    TOKENS,
    TURN,
    contents,
    put,
    rows,
    state_after,
    take_over,
    until_waiting,
)

pytestmark = pytest.mark.postgres

PLANNED = state_after(Step.PLANNING, then=Step.ARCHITECT)

Write = Callable[[Pool, Lease], Coroutine[Any, Any, object]]


def _saver(pool: Pool, lease: Lease, *, folded: bool = False) -> FencedSaver:
    return FencedSaver(pool, lease, project=project_values, folded=folded)


async def _put_writes(pool: Pool, lease: Lease, channel: str) -> None:
    newest = (await rows(pool, "SELECT max(checkpoint_id) AS id FROM checkpoints"))[0]["id"]
    config: RunnableConfig = {"configurable": {"thread_id": lease.thread_id, "checkpoint_ns": "", "checkpoint_id": newest}}
    await _saver(pool, lease).aput_writes(config, [(channel, "new")], "task-2")


async def _answered(pool: Pool, lease: Lease) -> None:
    await AttemptJournal(pool, lease, 1).answered({**TURN, "n": 2}, call_id=1, tokens=TOKENS, cost_usd=Decimal(1))


WRITES: Mapping[str, Write] = {
    "FencedSaver.aput": lambda pool, lease: put(_saver(pool, lease), lease.thread_id, PLANNED),
    "FencedSaver.aput, folded": lambda pool, lease: put(_saver(pool, lease, folded=True), lease.thread_id, PLANNED),
    "FencedSaver.aput_writes": lambda pool, lease: _put_writes(pool, lease, "head"),
    "FencedSaver.aput_writes of an interrupt": lambda pool, lease: _put_writes(pool, lease, "__interrupt__"),
    "FencedSaver.adelete_thread": lambda pool, lease: _saver(pool, lease).adelete_thread(lease.thread_id),
    "FencedSaver.aprune": lambda pool, lease: _saver(pool, lease).aprune([lease.thread_id]),
    "FencedSaver.aprune of all": lambda pool, lease: _saver(pool, lease).aprune([lease.thread_id], strategy="delete"),
    "AttemptJournal.reserve": lambda pool, lease: AttemptJournal(pool, lease, 1).reserve(
        model="m", input_usd=Decimal(1), output_usd=Decimal(1), wish=1, floor=1
    ),
    "AttemptJournal.release": lambda pool, lease: AttemptJournal(pool, lease, 1).release(1, reason="refused"),
    "AttemptJournal.answered": _answered,
    "AttemptJournal.completed": lambda pool, lease: AttemptJournal(pool, lease, 1).completed(
        1, results=[], saved=SavedTree(commit="t", head="h")
    ),
    "AttemptJournal.noted": lambda pool, lease: AttemptJournal(pool, lease, 1).noted("tool_called", {}),
    "next_attempt_number": next_attempt_number,
    "open_attempt": lambda pool, lease: open_attempt(pool, lease, {**ATTEMPT, "n": 2, "task": "task-2"}),
    "open_attempt under the next number": lambda pool, lease: open_attempt(
        pool, lease, {**{name: value for name, value in ATTEMPT.items() if name != "n"}, "task": "task-3"}
    ),
    "keep_setup": lambda pool, lease: keep_setup(pool, lease, 1, {"command": "true"}),
    "end_attempt": lambda pool, lease: end_attempt(pool, lease, 1, {}, {}),
    "postpone_epic": lambda pool, lease: postpone_epic(pool, lease, "no model answers", seconds=1, retries=1),
    # After what only an epic that runs can have done to it.
    "pause_epic": lambda pool, lease: pause_epic(pool, lease, "trouble"),
    "record_event": lambda pool, lease: record_event(pool, lease, "epic_taken", {}),
}


@pytest.fixture
async def worked_on(database: Database, lease: Lease) -> Lease:
    """The lease of an epic that has two checkpoints, and an attempt with a turn whose results are not there yet."""
    saver = _saver(database.pool, lease)
    first = await put(saver, lease.thread_id, PLANNED)
    await saver.aput_writes(first, [("head", "d" * 40)], "task-1")
    await put(saver, lease.thread_id, state_after(Step.PLANNING, then=Step.ARCHITECT, head="d" * 40), first)
    await open_attempt(database.pool, lease, {**ATTEMPT, "n": await next_attempt_number(database.pool, lease)})
    journal = AttemptJournal(database.pool, lease, 1)
    await journal.reserve(model="m", input_usd=Decimal(1), output_usd=Decimal(1), wish=1, floor=1)
    await journal.reserve(model="m", input_usd=Decimal(1), output_usd=Decimal(1), wish=1, floor=1)
    await journal.answered(TURN, call_id=2, tokens=TOKENS, cost_usd=Decimal(1))
    return lease


async def test_the_holder_of_the_lease_writes(database, worked_on):
    changed = {}
    # Deleting comes last: there must be something to delete, and to write to.
    for name in sorted(WRITES, key=lambda name: "delete" in name or "prune" in name):
        before = await contents(database.pool)
        await WRITES[name](database.pool, worked_on)
        changed[name] = await contents(database.pool) != before
        if name == "FencedSaver.adelete_thread":
            await put(_saver(database.pool, worked_on), worked_on.thread_id, PLANNED)
            await put(_saver(database.pool, worked_on), worked_on.thread_id, PLANNED)

    assert changed == dict.fromkeys(WRITES, True)


async def test_an_older_epoch_writes_nothing(database, worked_on):
    await take_over(database.pool, worked_on)

    await _assert_all_refused(database.pool, worked_on)


async def test_the_same_epoch_with_another_token_writes_nothing(database, worked_on):
    await _restore_a_dump(database.pool)
    again = await take_lease(database.pool, worked_on.thread_id, THERE, seconds=LONG_S)

    assert again.epoch == worked_on.epoch
    await _assert_all_refused(database.pool, worked_on)


async def test_a_released_lease_writes_nothing(database, worked_on):
    await release_lease(database.pool, worked_on)

    await _assert_all_refused(database.pool, worked_on)


async def _assert_all_refused(pool: Pool, stale: Lease) -> None:
    before = await contents(pool)
    refused = {}
    for name, write in WRITES.items():
        try:
            await write(pool, stale)
        except LeaseLost as lost:
            refused[name] = str(lost).startswith(f"lease lost: epoch {stale.epoch} of {stale.thread_id} is over")

    assert refused == dict.fromkeys(WRITES, True)
    assert await contents(pool) == before


def test_no_fenced_write_is_missing_above():
    functions = [*vars(db.attempts).values(), *vars(db.epics).values()]
    fenced_functions = {each.__name__ for each in functions if inspect.isfunction(each) and "lease" in inspect.signature(each).parameters}
    journal = {f"AttemptJournal.{name}" for name in vars(AttemptJournal) if not name.startswith("_")}
    saver = {f"FencedSaver.{name}" for name in vars(FencedSaver) if name.startswith("a")}

    missing = (fenced_functions | journal | saver) - WRITES.keys()

    reads = {f"AttemptJournal.{name}" for name in ("read", "read_before", "turns", "said")}
    assert missing == {"fenced", "FencedSaver.aget_tuple", *reads}


async def test_a_saver_writes_no_thread_but_its_own(database, worked_on, new_epic):
    other = await take_lease(database.pool, await new_epic(), HERE, seconds=LONG_S)
    saver = _saver(database.pool, other)
    before = await contents(database.pool)

    for write in (
        put(saver, worked_on.thread_id, PLANNED),
        saver.adelete_thread(worked_on.thread_id),
        saver.aprune([other.thread_id, worked_on.thread_id]),
    ):
        with pytest.raises(LeaseLost, match="holds no lease on the thread"):
            await write

    assert await contents(database.pool) == before


@asynccontextmanager
async def _locked(pool: Pool, statement: str) -> AsyncGenerator[None]:
    """Hold rows that the write under test comes to only after it has asserted its lease."""
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(statement.encode())
        yield


BLOCKED = {
    "FencedSaver.aput": "SELECT FROM epics FOR UPDATE",
    "FencedSaver.aput_writes": "LOCK TABLE checkpoint_writes IN SHARE MODE",
    "FencedSaver.adelete_thread": "SELECT FROM checkpoints FOR UPDATE",
    "FencedSaver.aprune of all": "SELECT FROM checkpoints FOR UPDATE",
    "record_event": "SELECT FROM epics FOR UPDATE",
}


@pytest.mark.parametrize("name", BLOCKED)
async def test_a_take_over_waits_for_a_write_that_has_asserted_its_lease(database, worked_on, name):
    async with _locked(database.pool, BLOCKED[name]):
        writing = asyncio.create_task(WRITES[name](database.pool, worked_on))
        await until_waiting(database.pool, 1)
        taking = asyncio.create_task(take_over(database.pool, worked_on))

        await until_waiting(database.pool, 2)

        assert not taking.done()
        before = await contents(database.pool)
    await writing
    assert (await taking).epoch == worked_on.epoch + 1
    assert await contents(database.pool) != before


async def test_who_takes_over_reads_the_checkpoint_that_was_under_way(database, worked_on):
    async with _locked(database.pool, BLOCKED["FencedSaver.aput"]):
        writing = asyncio.create_task(put(_saver(database.pool, worked_on), worked_on.thread_id, PLANNED))
        await until_waiting(database.pool, 1)
        taking = asyncio.create_task(take_over(database.pool, worked_on))
        await until_waiting(database.pool, 2)

    newest = await _saver(database.pool, await taking).aget_tuple({"configurable": {"thread_id": worked_on.thread_id, "checkpoint_ns": ""}})

    assert newest is not None
    assert newest.config == await writing


async def test_a_write_that_begins_during_a_take_over_is_refused_when_that_commits(database, worked_on):
    async with database.pool.connection() as connection, connection.transaction():
        values = {"thread": worked_on.thread_id, "token": uuid4(), "worker": "there", "host": "there", "pid": 2, "pid_started": "2"}
        await connection.execute(QUERIES["take_lease"], {**values, "seconds": LONG_S, "dead_epoch": 1})
        writing = asyncio.create_task(put(_saver(database.pool, worked_on), worked_on.thread_id, PLANNED))
        await until_waiting(database.pool, 1)

    with pytest.raises(LeaseLost):
        await writing


async def test_of_many_who_take_a_free_lease_at_once_one_gets_it(database, new_epic):
    epic = await new_epic()

    taken = await asyncio.gather(*(take_lease(database.pool, epic, HERE, seconds=LONG_S) for _ in range(20)), return_exceptions=True)

    assert [type(each) for each in taken].count(Lease) == 1
    assert [type(each) for each in taken].count(EpicHeld) == 19


async def test_a_late_release_or_renewal_leaves_the_lease_of_the_next_holder_alone(database, lease):
    await _restore_a_dump(database.pool)
    again = await take_lease(database.pool, lease.thread_id, THERE, seconds=LONG_S)
    values = {"thread": lease.thread_id, "epoch": lease.epoch, "token": lease.token, "seconds": 1.0}

    await release_lease(database.pool, lease)
    async with database.pool.connection() as connection:
        renewed = await (await connection.execute(QUERIES["renew_lease"], values)).fetchone()

    assert renewed is None
    holder = await holder_of(database.pool, lease.thread_id)
    assert holder is not None
    assert (holder.epoch, holder.worker, holder.seconds_left > 60) == (again.epoch, THERE, True)


async def test_epochs_only_rise_whether_leases_are_released_or_run_out(database, lease):
    await release_lease(database.pool, lease)
    second = await take_lease(database.pool, lease.thread_id, THERE, seconds=0.01)
    await asyncio.sleep(0.05)
    third = await take_lease(database.pool, lease.thread_id, HERE, seconds=LONG_S)

    assert (lease.epoch, second.epoch, third.epoch) == (1, 2, 3)
    with pytest.raises(LeaseLost):
        await put(_saver(database.pool, replace(third, epoch=2)), lease.thread_id, PLANNED)


async def test_a_fenced_transaction_that_fails_keeps_nothing(database, lease):
    before = await contents(database.pool)

    async def fail_half_way() -> None:
        async with fenced(database.pool, lease) as connection:
            await add_events(connection, lease.thread_id, [{"type": "epic_taken", "data": {}}])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_half_way()

    assert await contents(database.pool) == before


async def _restore_a_dump(pool: Pool) -> None:
    """What a dump brings back has no leases."""
    async with pool.connection() as connection:
        await connection.execute("DELETE FROM leases")
