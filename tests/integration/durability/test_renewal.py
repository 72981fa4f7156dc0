"""A busy worker keeps its lease, a hung one loses it, and one that lost it stops (rule 3)."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import psycopg
import pytest

import engine.lease_keeper
from db.leases import Lease, holder_of, take_lease
from db.queries import QUERIES
from db.renewal import Renewal, Watch
from engine.lease_keeper import hold_epic
from epics.errors import EpicHeld, LeaseLost
from tests.integration.durability.acting import Watched, on_executor, scripted
from tests.integration.durability.writing import LONG_S, THERE, rows, take_over, until

pytestmark = pytest.mark.postgres


class Told:
    """Keeps what a renewal says, and when."""

    def __init__(self, *, hung: bool = False) -> None:
        self.lost: list[tuple[str, float]] = []
        self.cancels = 0
        self._hung = hung
        self._began = time.monotonic()

    def watch(self) -> Watch:
        def lost(reason: str) -> None:
            self.lost.append((reason, time.monotonic() - self._began))

        def stop_asked() -> None:
            self.cancels += 1

        return Watch(lost=lost, stop_asked=stop_asked, ticked=lambda: self._began if self._hung else time.monotonic())


def _take_in_another_process(dsn: str, thread: str) -> bool:
    """Whether the lease could be taken now, from outside of the event loop."""
    values = {"token": None, "worker": "there", "host": "there", "pid": 2, "pid_started": "2", "seconds": 1.0, "dead_epoch": None}
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(QUERIES["take_lease"], {"thread": thread, **values}).fetchone() is not None


async def test_a_busy_event_loop_keeps_its_lease_for_many_times_its_length(database, new_epic):
    epic, taken = await new_epic(), []

    def try_to_take() -> None:
        for _ in range(6):
            time.sleep(0.25)
            taken.append(_take_in_another_process(database.dsn, epic))

    async with hold_epic(database, epic, seconds=0.6) as hold:
        other = threading.Thread(target=try_to_take)
        other.start()
        time.sleep(1.6)  # the loop does nothing else meanwhile
        other.join()
        await asyncio.sleep(0)

        assert taken == [False] * 6
        assert hold.lost is None


async def test_a_hung_event_loop_loses_its_lease(database, new_epic, monkeypatch):
    monkeypatch.setattr(engine.lease_keeper, "_HANG_LIMIT_S", 0.5)
    epic = await new_epic()

    async with hold_epic(database, epic, seconds=0.6) as hold:
        time.sleep(1.6)
        await asyncio.wait_for(hold.stopped(), 1)

        assert hold.lost == "the event loop hangs"
        assert (await take_lease(database.pool, epic, THERE, seconds=LONG_S)).epoch == 2


async def test_a_renewal_says_once_that_the_lease_is_lost_and_renews_nothing_after_it(database, new_epic):
    told, lease = Told(hung=True), await take_lease(database.pool, await new_epic(), THERE, seconds=0.8)
    renewal = Renewal(database.dsn, lease, told.watch(), hang_limit_s=0.3)
    renewal.start()
    await asyncio.sleep(1.2)
    renewal.stop()

    assert [reason for reason, _ in told.lost] == ["the event loop hangs"]
    assert await holder_of(database.pool, lease.thread_id) is None


async def test_a_renewal_tells_of_a_take_over(database, new_epic):
    told, lease = Told(), await take_lease(database.pool, await new_epic(), THERE, seconds=0.8)
    renewal = Renewal(database.dsn, lease, told.watch(), hang_limit_s=30)
    renewal.start()
    await take_over(database.pool, lease)
    await asyncio.sleep(0.6)
    renewal.stop()

    assert [reason for reason, _ in told.lost] == ["another worker has taken the epic over"]


async def test_a_database_that_is_gone_is_told_while_the_lease_still_runs(database, new_epic):
    lease = await take_lease(database.pool, await new_epic(), THERE, seconds=1.2)
    told = Told()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    renewal = Renewal(f"postgresql://nobody@127.0.0.1:{port}/nothing", lease, told.watch(), hang_limit_s=30)
    renewal.start()
    await asyncio.sleep(1.2)
    renewal.stop()

    ((reason, when),) = told.lost
    assert reason.startswith("the lease could not be renewed: ")
    assert when < 1.2 - 1.2 / 4 + 0.1


async def test_a_database_that_falls_silent_is_told_while_the_lease_still_runs(database, new_epic):
    lease, told = await take_lease(database.pool, await new_epic(), THERE, seconds=1.2), Told()
    # It takes the connection, and never says a word.
    with socket.create_server(("127.0.0.1", 0)) as server:
        renewal = Renewal(f"postgresql://nobody@127.0.0.1:{server.getsockname()[1]}/x", lease, told.watch(), hang_limit_s=30)
        renewal.start()
        await asyncio.sleep(1.4)
        renewal.stop()

    ((_, when),) = told.lost
    assert when < 1.2


async def test_an_epic_that_is_taken_over_stops_at_once_and_leaves_all_to_the_new_worker(begin, story, tmp_path):
    begun, late = tmp_path / "begun", tmp_path / "late"
    turns = [{"run": [f"touch {begun}; sleep 1; touch {late}"]}, {"write": {"greeting.txt": "hello\n"}}]
    epic = await begin(story(implement=turns), lease_seconds=0.8)
    await epic.engine.advance(epic.id)
    await epic.decide("approve")
    watched = Watched(scripted(epic.engine))
    advancing = asyncio.create_task(on_executor(epic.engine, watched).advance(epic.id))
    await until(begun.exists)
    pool = epic.engine._pool
    (row,) = await rows(pool, "SELECT thread_id, epoch, token FROM leases")

    there = await take_over(pool, Lease(**row, seconds=0.8))
    before = time.monotonic()
    with pytest.raises(LeaseLost, match="another worker has taken the epic over"):
        await advancing

    assert time.monotonic() - before < 0.9
    events = await epic.engine.events(epic.id)
    await asyncio.sleep(1.1)
    assert not late.exists()
    assert watched.runs == ["implement"]
    assert await epic.engine.events(epic.id) == events
    holder = await holder_of(pool, epic.id)
    assert holder is not None
    assert holder.epoch == there.epoch


async def test_an_epic_that_a_live_worker_advances_is_held(begin, story):
    epic = await begin(story(pause_s=0.3))
    watched = Watched(scripted(epic.engine))
    advancing = asyncio.create_task(on_executor(epic.engine, watched).advance(epic.id))
    await until(lambda: watched.runs)
    before = time.monotonic()

    with pytest.raises(EpicHeld, match=f"epic {epic.id} is held by "):
        await epic.engine.advance(epic.id)

    assert time.monotonic() - before < 0.5
    assert (await epic.engine.epic(epic.id)).status == "running"
    assert (await advancing).step == "plan_gate"
    assert watched.runs == ["planning", "architect"]
