"""A worker finds what there is to do with hints and without, waits for what waiting cures, and leaves nothing half done."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

import engine.worker
from db.jobs import hint
from engine.engine import Engine
from executors.port import Outcome
from tests.integration.durability.acting import Failing, Watched, on_executor, scripted
from tests.integration.durability.writing import rows, until

pytestmark = pytest.mark.postgres

NO_HINTS = "DELETE FROM procrastinate_jobs"
WAIT_S = 60.0


class Unavailable(Watched):
    """An executor whose models do not answer for the first runs of one workflow."""

    def __init__(self, inner, workflow, times):
        super().__init__(inner)
        self._workflow = workflow
        self.left = times

    async def run(self, order, journal):
        if order.workflow.name == self._workflow and self.left:
            self.left -= 1
            self.runs.append("unavailable")
            return Outcome(ended_by="error", error="the provider is overloaded", error_kind="unavailable")
        return await super().run(order, journal)


class Long(Watched):
    """An executor whose runs of one workflow do not end before they are let go."""

    def __init__(self, inner, workflow):
        super().__init__(inner)
        self._workflow = workflow
        self.let_go = asyncio.Event()

    async def run(self, order, journal):
        if order.workflow.name == self._workflow:
            self.runs.append(f"{self._workflow} begins")
            await self.let_go.wait()
        return await super().run(order, journal)


@asynccontextmanager
async def _working(engine):
    """A worker that is told to drain when the block ends."""
    stop = asyncio.Event()
    task = asyncio.create_task(engine.work(stop))
    try:
        yield task
    finally:
        stop.set()
        await task


def _with(engine, **dispatch):
    installation = engine._installation
    return Engine(replace(installation, dispatch=replace(installation.dispatch, **dispatch), draining=asyncio.Event()))


async def _status(engine, epic, *wanted):
    async with asyncio.timeout(WAIT_S):
        while (view := await engine.epic(epic)).status not in wanted:
            await asyncio.sleep(0.05)
    return view


async def _forget_hints(pool):
    async with pool.connection() as connection:
        await connection.execute(NO_HINTS)


async def test_an_epic_whose_hint_was_lost_is_found_and_one_that_is_decided_goes_on(begin):
    epic = await begin()
    await _forget_hints(epic.engine._pool)

    async with _working(_with(epic.engine)) as worker:
        assert (await _status(epic.engine, epic.id, "waiting")).step == "plan_gate"
        (seen,) = await epic.engine.workers()
        await epic.decide("approve")
        async with asyncio.timeout(WAIT_S):
            while (await epic.engine.epic(epic.id)).step != "merge_gate":
                await asyncio.sleep(0.05)
        assert not worker.done()

    assert (seen.alive, seen.draining, seen.concurrency) == (True, False, 4)
    assert await epic.engine.workers() == ()


async def test_a_hint_wakes_a_worker_long_before_its_next_look(begin, monkeypatch):
    monkeypatch.setattr(engine.worker, "SWEEP_S", 600.0)
    epic = await begin()
    async with _working(_with(epic.engine)):
        await _status(epic.engine, epic.id, "waiting")
        await epic.decide("reject")

        assert (await _status(epic.engine, epic.id, "rejected")).waiting_on is None
    # Its hints are gone with it.
    assert await rows(epic.engine._pool, "SELECT id FROM procrastinate_jobs WHERE status = 'todo'") == []


async def test_what_the_provider_may_cure_is_waited_for_and_outlives_the_process(begin):
    epic = await begin()
    unavailable = Unavailable(scripted(epic.engine), "architect", 1)
    engine = _with(on_executor(epic.engine, unavailable), retry_seconds=3600.0, retries=1)

    view = await engine.advance(epic.id)

    assert (view.status, view.step, view.problem) == ("queued", "architect", "the provider is overloaded")
    assert view.retry_at is not None
    assert [event.type for event in await engine.events(epic.id)][-1] == "epic_postponed"
    assert await rows(engine._pool, "SELECT retries FROM epics") == [{"retries": 1}]

    # Another process, another day: whoever finds that the time has come goes on with the same attempt.
    async with engine._pool.connection() as connection:
        await connection.execute("UPDATE epics SET retry_at = now()")
    async with _working(_with(on_executor(epic.engine, unavailable))):
        assert (await _status(engine, epic.id, "waiting")).step == "plan_gate"
    assert unavailable.runs == ["planning", "unavailable", "architect"]
    assert len(await engine.attempts(epic.id)) == 2


async def test_a_provider_that_never_answers_is_at_last_a_question_to_a_person(begin):
    epic = await begin()
    unavailable = Unavailable(scripted(epic.engine), "planning", 9)
    engine = _with(on_executor(epic.engine, unavailable), retry_seconds=0.001, retries=2)

    statuses = [(view.status, view.step) for view in [await engine.advance(epic.id) for _ in range(3)]]

    assert statuses == [("queued", "planning"), ("queued", "planning"), ("waiting", "failure_gate")]


async def test_a_worker_that_is_to_end_lets_the_step_end_and_begins_no_other(begin):
    epic = await begin()
    long = Long(scripted(epic.engine), "planning")
    draining = _with(on_executor(epic.engine, long))
    stop = asyncio.Event()
    worker = asyncio.create_task(draining.work(stop))
    await until(lambda: long.runs, seconds=WAIT_S)
    await _forget_hints(draining._pool)

    stop.set()
    await asyncio.sleep(0.2)
    assert not worker.done()
    long.let_go.set()
    async with asyncio.timeout(WAIT_S):
        await worker

    view = await epic.engine.epic(epic.id)
    assert (view.status, view.step) == ("queued", "architect")
    assert long.runs == ["planning begins", "planning"]
    assert [row["epic"] for row in await rows(draining._pool, "SELECT args ->> 'epic_id' AS epic FROM procrastinate_jobs")] == [epic.id]
    assert (await epic.engine.advance(epic.id)).step == "plan_gate"


async def test_a_step_that_takes_longer_than_the_grace_time_is_handed_over_resumable(begin):
    epic = await begin()
    long = Long(scripted(epic.engine), "planning")
    stop = asyncio.Event()
    worker = asyncio.create_task(_with(on_executor(epic.engine, long), drain_seconds=0.2).work(stop))
    await until(lambda: long.runs, seconds=WAIT_S)

    stop.set()
    async with asyncio.timeout(WAIT_S):
        await worker

    view = await epic.engine.epic(epic.id)
    assert (view.status, view.step) == ("queued", "planning")
    assert (await epic.engine.advance(epic.id)).step == "plan_gate"
    assert len(await epic.engine.attempts(epic.id)) == 2


async def test_a_full_worker_ends_and_another_goes_on_at_once_with_what_it_hands_over(begin, monkeypatch):
    epic = await begin()
    long = Long(scripted(epic.engine), "planning")
    pool, stop = epic.engine._pool, asyncio.Event()
    full = asyncio.create_task(_with(on_executor(epic.engine, long), concurrency=1, drain_seconds=0.2).work(stop))
    await until(lambda: long.runs, seconds=WAIT_S)
    # Found by hints alone from here on; the full worker keeps this one to itself until it has room.
    monkeypatch.setattr(engine.worker, "SWEEP_S", 600.0)
    async with pool.connection() as connection:
        await hint(connection, epic.id)
    async with asyncio.timeout(WAIT_S):
        while not await rows(pool, "SELECT id FROM procrastinate_jobs WHERE status = 'doing'"):
            await asyncio.sleep(0.05)
    async with _working(_with(epic.engine)):
        async with asyncio.timeout(WAIT_S):
            while len(await epic.engine.workers()) < 2:
                await asyncio.sleep(0.05)

        stop.set()
        async with asyncio.timeout(WAIT_S):
            await full

        assert (await _status(epic.engine, epic.id, "waiting")).step == "plan_gate"
    assert len(await epic.engine.attempts(epic.id)) == 2


async def test_a_paused_epic_is_not_advanced_before_it_is_resumed(begin):
    epic = await begin()
    failing = Failing(scripted(epic.engine), ValueError("a step broke"))
    engine = on_executor(epic.engine, failing)
    assert (await engine.advance(epic.id)).status == "paused"

    async with _working(_with(engine)):
        async with epic.engine._pool.connection() as connection:
            await hint(connection, epic.id)
        # The worker has heard the hint, and what it heard is over.
        async with asyncio.timeout(WAIT_S):
            while await rows(epic.engine._pool, "SELECT id FROM procrastinate_jobs") or not await engine.workers():
                await asyncio.sleep(0.05)
        assert ((await engine.epic(epic.id)).status, failing.runs) == ("paused", ["planning"])
        await engine.resume(epic.id)

        assert (await _status(engine, epic.id, "waiting")).step == "plan_gate"
