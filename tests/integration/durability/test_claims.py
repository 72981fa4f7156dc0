"""Claims: the oldest first, never more at once than are allowed, and only what can be run; what kills its workers is parked."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from db.commands import ask_cancel
from db.epics import pause_epic, postpone_epic, queue_epic
from db.leases import Admission, claim_epic, end_dead_lease, release_lease, take_lease
from engine.identity import this_worker
from engine.reading import epic_view
from engine.sweeping import bury_the_dead, tidy
from epics.upgrades import THIS_RELEASE
from tests.integration.durability.writing import HERE, LONG_S, THERE, expire, rows, until

pytestmark = pytest.mark.postgres

ANY = Admission(most=100, executors=("scripted",), graph=1, state=THIS_RELEASE.state)


async def _claimed(pool, admission=ANY, worker=HERE):
    lease = await claim_epic(pool, worker, admission, seconds=LONG_S)
    return lease and lease.thread_id


async def test_the_oldest_is_claimed_first_and_nothing_twice(database, new_epic):
    first, second = await new_epic(), await new_epic()

    assert [await _claimed(database.pool) for _ in range(3)] == [first, second, None]


async def test_of_many_who_claim_at_once_no_more_run_than_may(database, new_epic):
    for _ in range(8):
        await new_epic()
    few = replace(ANY, most=3)

    claimed = await asyncio.gather(*(_claimed(database.pool, few, replace(HERE, pid=pid)) for pid in range(8)))

    assert len([epic for epic in claimed if epic]) == 3


async def test_what_cannot_be_run_here_is_left(database, new_epic):
    other = await new_epic(executor="in_process")
    newer = await new_epic(graph_version=2)
    left_alone = await new_epic()

    assert await _claimed(database.pool, replace(ANY, but=(left_alone,))) is None
    assert await _claimed(database.pool, replace(ANY, graph=2, but=(left_alone,))) == newer
    assert await _claimed(database.pool, replace(ANY, executors=("in_process",), but=(left_alone,))) == other


async def test_a_row_that_a_stopped_worker_has_locked_holds_up_nobody(database, new_epic):
    first, second = await new_epic(), await new_epic()
    await take_lease(database.pool, first, THERE, seconds=LONG_S)
    await expire(database.pool)
    async with database.pool.connection() as connection, connection.transaction():
        await connection.execute("SELECT FROM leases WHERE thread_id = %s FOR SHARE", [first])

        async with asyncio.timeout(5):
            assert await _claimed(database.pool) == second


async def test_a_cancel_that_nobody_has_heard_of_is_work_whatever_the_status(database, lease):
    await pause_epic(database.pool, lease, "trouble")
    await release_lease(database.pool, lease)
    assert await _claimed(database.pool) is None

    await ask_cancel(database.pool, lease.thread_id, {"by": "ann", "reason": ""})

    assert await _claimed(database.pool) == lease.thread_id


async def test_an_epic_that_is_put_off_is_claimed_when_its_time_has_come(database, lease):
    await postpone_epic(database.pool, lease, "no model answers", seconds=3600, retries=1)
    await release_lease(database.pool, lease)
    view = await epic_view(database.pool, lease.thread_id)
    assert (view.status, view.problem, view.queue_place) == ("queued", "no model answers", None)
    assert view.retry_at is not None
    assert await _claimed(database.pool) is None

    async with database.pool.connection() as connection:
        await connection.execute("UPDATE epics SET retry_at = now()")

    assert await _claimed(database.pool) == lease.thread_id


async def test_a_resume_ends_the_waiting(database, lease):
    await postpone_epic(database.pool, lease, "no model answers", seconds=3600, retries=6)
    await release_lease(database.pool, lease)

    await queue_epic(database.pool, lease.thread_id, auto_approve=None, by="ann")

    assert await _claimed(database.pool) == lease.thread_id


async def test_the_place_in_the_queue_counts_those_that_go_before(database, new_epic):
    epics = [await new_epic() for _ in range(3)]
    assert [(await epic_view(database.pool, epic)).queue_place for epic in epics] == [1, 2, 3]

    await _claimed(database.pool)

    assert [(await epic_view(database.pool, epic)).queue_place for epic in epics] == [None, 1, 2]


async def test_the_lease_of_a_dead_process_of_this_host_is_ended_and_no_other(database, new_epic):
    dead = replace(this_worker(), pid_started="1", pid=1)
    mine, gone, elsewhere = await new_epic(), await new_epic(), await new_epic()
    await take_lease(database.pool, mine, this_worker(), seconds=LONG_S)
    await take_lease(database.pool, gone, dead, seconds=LONG_S)
    await take_lease(database.pool, elsewhere, THERE, seconds=LONG_S)
    assert await _claimed(database.pool) is None

    assert await bury_the_dead(database.pool) == 1

    assert [await _claimed(database.pool) for _ in range(2)] == [gone, None]


async def test_the_agents_of_a_worker_that_is_stopped_past_its_lease_are_killed(database, new_epic):
    code = "import subprocess; child = subprocess.Popen(['sleep', '600']); print(child.pid, flush=True); child.wait()"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = Path("/proc") / process.stdout.readline().strip() / "stat"
    try:
        started = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
        await take_lease(database.pool, await new_epic(), replace(this_worker(), pid=process.pid, pid_started=started), seconds=LONG_S)
        await expire(database.pool)
        await bury_the_dead(database.pool)
        assert child.read_text().rpartition(")")[2].split()[0] != "Z"

        process.send_signal(signal.SIGSTOP)
        await until(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
        assert await bury_the_dead(database.pool) == 0

        await until(lambda: not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z")
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def test_only_deaths_without_progress_are_counted(database, new_epic):
    epic = await new_epic()

    async def died(worker, *, dead=True):
        lease = await take_lease(database.pool, epic, worker, seconds=LONG_S)
        if dead:
            await end_dead_lease(database.pool, epic, lease.epoch)
        return lease

    pids = iter(range(10, 30))
    another = lambda: replace(HERE, pid=next(pids))  # noqa: E731
    assert [(await died(another())).takeovers for _ in range(3)] == [0, 1, 2]
    async with database.pool.connection() as connection:
        await connection.execute("UPDATE epics SET last_moment = last_moment + 1")
    assert [(await died(another())).takeovers for _ in range(2)] == [0, 1]
    given_back = await died(another(), dead=False)
    assert (given_back.takeovers, given_back.died) == (2, HERE.name)
    await release_lease(database.pool, given_back)
    assert (await died(same := another())).takeovers == 0
    assert (await died(same)).takeovers == 0


async def test_an_epic_over_which_workers_die_is_parked_and_a_resume_counts_anew(begin):
    epic = await begin()
    pool = epic.engine._pool

    async def die(times: int) -> None:
        for pid in range(times):
            lease = await take_lease(pool, epic.id, replace(THERE, pid=pid, name=f"there:{pid}"), seconds=LONG_S)
            await end_dead_lease(pool, epic.id, lease.epoch)

    await die(3)
    view = await epic.engine.advance(epic.id)

    assert view.status == "paused"
    assert view.problem is not None
    assert "3 workers in a row died while they ran the step planning" in view.problem
    assert "the last was there:2" in view.problem
    assert [event.type for event in await epic.engine.events(epic.id)][-1] == "epic_paused"
    # Parked, it is not run by an advance that nobody asked for by a resume.
    assert (await epic.engine.advance(epic.id)).status == "paused"

    await epic.engine.resume(epic.id, by="ann")
    await die(2)

    assert (await epic.engine.advance(epic.id)).step == "plan_gate"
    assert await rows(pool, "SELECT problem FROM epics") == [{"problem": None}]


async def test_of_an_epic_that_has_ended_nobody_is_remembered_as_its_holder(database, new_epic):
    ended, running = await new_epic(), await new_epic()
    for epic in (ended, running):
        await take_lease(database.pool, epic, THERE, seconds=LONG_S)
    await rows(database.pool, "UPDATE epics SET status = 'merged' WHERE id = %s RETURNING id", ended)
    await rows(database.pool, "UPDATE leases SET expires_at = now() - interval '1 hour' RETURNING thread_id")

    await tidy(database.pool)

    held = await rows(database.pool, "SELECT thread_id FROM leases WHERE token IS NOT NULL")
    assert [row["thread_id"] for row in held] == [running]
