"""Epics that are approved in advance: a worker that dies as the gate opens leaves nobody waiting for a person."""

from __future__ import annotations

import pytest

from db.leases import Admission, claim_epic
from epics.upgrades import THIS_RELEASE
from tests.integration.durability.writing import HERE, LONG_S

pytestmark = pytest.mark.postgres

ANY = Admission(most=100, executors=("scripted",), graph=1, state=THIS_RELEASE.state)


async def _claimed(epic):
    lease = await claim_epic(epic.engine._pool, HERE, ANY, seconds=LONG_S)
    return lease and lease.thread_id


async def _approve_in_advance(epic):
    await epic.rows("UPDATE epics SET auto_approve = true WHERE id = %s RETURNING id")


async def test_a_gate_that_opened_as_the_worker_died_is_gone_through_by_the_next(begin):
    epic = await begin()
    assert (await epic.engine.advance(epic.id)).step == "plan_gate"
    assert await _claimed(epic) is None

    await _approve_in_advance(epic)

    assert (await epic.engine.epic(epic.id)).status == "queued"
    assert await _claimed(epic) == epic.id
    # Who follows it must not take the moment until the yes for a question to a person.
    assert (await epic.engine.epic(epic.id)).status == "running"


async def test_what_was_approved_in_advance_and_came_back_waits_for_a_person(begin, small_repo):
    epic = await begin(auto_approve=True)
    (small_repo / "README.md").write_text("mine, not committed\n", encoding="utf-8")

    waiting = await epic.engine.advance(epic.id)

    assert (waiting.step, waiting.status) == ("merge_gate", "waiting")
    assert await _claimed(epic) is None


async def test_a_failure_gate_waits_for_a_person_however_much_was_approved_in_advance(begin, story):
    epic = await begin(story(implement=[{"fail": "error"}]), auto_approve=True, autonomy="ask")

    waiting = await epic.engine.advance(epic.id)

    assert (waiting.step, waiting.status) == ("failure_gate", "waiting")
    assert await _claimed(epic) is None


async def test_one_that_cannot_be_gone_on_with_is_parked_once_with_the_cause(begin, small_repo):
    epic = await begin()
    assert (await epic.engine.advance(epic.id)).step == "plan_gate"
    await _approve_in_advance(epic)
    away = small_repo.rename(small_repo.with_name("away"))

    parked = await epic.engine.advance(epic.id)

    assert (parked.status, parked.step) == ("paused", "plan_gate")
    assert str(small_repo) in (parked.problem or "")
    # Else every worker would take it again, for ever.
    assert await _claimed(epic) is None
    away.rename(small_repo)
    assert (await epic.engine.resume(epic.id)).step == "plan_gate"
    assert await _claimed(epic) == epic.id
