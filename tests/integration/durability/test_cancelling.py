"""A cancel counts wherever the epic is, and whoever holds it, and nothing happens to the epic after it (rules 10 and 13)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import engine.advancing
import engine.lease_keeper
from db.commands import ask_cancel
from db.leases import holder_of, release_lease, take_lease
from db.queries import QUERIES
from epics.errors import Conflict
from tests.integration.durability.acting import Failing, Killed, Watched, on_executor, scripted
from tests.integration.durability.writing import HERE, LONG_S, THERE, until, until_waiting

pytestmark = pytest.mark.postgres


async def _assert_over(epic, status="cancelled"):
    """The epic has ended and stays as it is, whatever is asked of it."""
    events = await epic.engine.events(epic.id)
    assert [event.type for event in events].count("epic_ended") == 1
    assert (await epic.engine.advance(epic.id)).status == status
    with pytest.raises(Conflict, match=f"it is {status}"):
        await epic.engine.resume(epic.id, by="ann")
    with pytest.raises(Conflict, match=f"it is {status}"):
        await epic.engine.cancel(epic.id, by="ann")
    assert await epic.engine.events(epic.id) == events
    assert await epic.engine.approvals(status="pending") == ()
    assert await epic.rows("SELECT id FROM commands WHERE epic_id = %s AND applied_at IS NULL") == []


async def test_an_epic_that_waits_is_cancelled_at_once(begin):
    epic = await begin()
    await epic.engine.advance(epic.id)

    view = await epic.engine.cancel(epic.id, by="ann", reason="no longer wanted")

    assert (view.status, view.step, view.waiting_on) == ("cancelled", "plan_gate", None)
    last = (await epic.engine.moments(epic.id))[-1]
    assert (last.n, last.outcome, last.note) == (3, "cancelled", "cancelled by ann: no longer wanted")
    await _assert_over(epic)


async def test_an_epic_that_never_began_is_cancelled(begin):
    epic = await begin()

    assert (await epic.engine.cancel(epic.id, by="ann")).status == "cancelled"
    await _assert_over(epic)


async def test_an_epic_that_is_paused_is_cancelled(begin):
    epic = await begin()
    failing = on_executor(epic.engine, Failing(scripted(epic.engine), Killed("once")))
    assert (await failing.advance(epic.id)).status == "paused"

    view = await epic.engine.cancel(epic.id, by="ann")

    assert (view.status, view.problem) == ("cancelled", None)
    await _assert_over(epic)


async def test_an_epic_that_has_ended_is_not_cancelled(begin):
    epic = await begin(auto_approve=True)
    assert (await epic.engine.advance(epic.id)).status == "merged"

    with pytest.raises(Conflict, match="has ended already: it is merged"):
        await epic.engine.cancel(epic.id, by="ann")

    await _assert_over(epic, "merged")


async def test_an_epic_that_another_task_runs_is_stopped_in_the_middle_of_a_command(begin, story, tmp_path):
    begun, late = tmp_path / "begun", tmp_path / "late"
    epic = await begin(story(implement=[{"run": [f"touch {begun}; sleep 1; touch {late}"]}]), lease_seconds=0.8)
    await epic.engine.advance(epic.id)
    await epic.decide("approve")
    advancing = asyncio.create_task(epic.engine.advance(epic.id))
    await until(begun.exists)

    await epic.engine.cancel(epic.id, by="ann")
    view = await advancing

    assert (view.status, view.step) == ("cancelled", "implement")
    await asyncio.sleep(1.1)
    assert not late.exists()
    await _assert_over(epic)


async def test_a_cancel_that_comes_while_the_worker_arrives_at_a_gate_counts(begin):
    epic = await begin()
    asking = on_executor(epic.engine, _Asking(scripted(epic.engine), epic))

    view = await asking.advance(epic.id)

    assert view.status == "cancelled"
    await _assert_over(epic)


async def test_a_cancel_that_a_dead_worker_left_is_done_before_anything_else(begin):
    epic = await begin()
    await ask_cancel(epic.engine._pool, epic.id, {"by": "ann", "reason": ""})
    watched = Watched(scripted(epic.engine))

    view = await on_executor(epic.engine, watched).advance(epic.id)

    assert view.status == "cancelled"
    assert watched.runs == []
    await _assert_over(epic)


async def test_a_cancel_that_comes_when_the_lease_is_about_to_be_given_back_counts(begin, monkeypatch):
    epic = await begin()

    async def ask() -> None:
        assert (await epic.engine.cancel(epic.id, by="ann")).status == "waiting"

    _just_before_letting_go(monkeypatch, ask)

    assert (await epic.engine.advance(epic.id)).status == "cancelled"
    await _assert_over(epic)


async def test_a_decision_that_comes_when_the_lease_is_about_to_be_given_back_counts(begin, monkeypatch):
    epic = await begin()
    _just_before_letting_go(monkeypatch, lambda: epic.decide("approve"))

    assert (await epic.engine.advance(epic.id)).step == "merge_gate"


async def test_who_lets_go_of_a_lease_waits_for_nobody_but_sees_what_was_asked(database, lease):
    assert await release_lease(database.pool, lease, unless_asked=True)
    again = await take_lease(database.pool, lease.thread_id, HERE, seconds=LONG_S)
    await ask_cancel(database.pool, lease.thread_id, {"by": "ann", "reason": ""})

    assert not await release_lease(database.pool, again, unless_asked=True)

    assert await holder_of(database.pool, lease.thread_id) is not None
    assert await release_lease(database.pool, again)
    assert await holder_of(database.pool, lease.thread_id) is None


async def test_the_look_before_a_release_sees_what_was_asked_until_the_lease_is_locked(database, lease):
    async with database.pool.connection() as connection, connection.transaction():
        await connection.execute(QUERIES["lock_lease"], {"thread": lease.thread_id})
        releasing = asyncio.create_task(release_lease(database.pool, lease, unless_asked=True))
        await until_waiting(database.pool, 1)
        await ask_cancel(database.pool, lease.thread_id, {"by": "ann", "reason": ""})

    assert not await releasing


async def test_a_lease_that_is_being_given_back_is_taken_by_who_asked_after_the_look(database, lease):
    async with database.pool.connection() as connection, connection.transaction():
        await connection.execute(QUERIES["lock_lease"], {"thread": lease.thread_id})
        await ask_cancel(database.pool, lease.thread_id, {"by": "ann", "reason": ""})
        taking = asyncio.create_task(take_lease(database.pool, lease.thread_id, THERE, seconds=LONG_S))
        await until_waiting(database.pool, 1)
        await connection.execute(QUERIES["release_lease"], {"thread": lease.thread_id, "epoch": lease.epoch, "token": lease.token})

    assert (await taking).epoch == 2


def _just_before_letting_go(monkeypatch, act):
    """Let somebody act between the worker's last look at its gate and the release of its lease, once."""
    acts = [act]

    async def let_go(*given: Any) -> bool:
        if acts:
            await acts.pop()()
        return await engine.lease_keeper.let_go(*given)

    monkeypatch.setattr(engine.advancing, "let_go", let_go)


class _Asking(Watched):
    """Somebody cancels while the last agent before the gate works, too late for a renewal to see it."""

    def __init__(self, inner: Any, epic: Any) -> None:
        super().__init__(inner)
        self._epic = epic

    async def run(self, order: Any, journal: Any) -> Any:
        outcome = await super().run(order, journal)
        if order.workflow.name == "architect":
            view = await self._epic.engine.cancel(order.epic, by="ann")
            assert view.status == "running"
        return outcome
