"""Epics of other releases: upgraded, left to a newer one, or flagged; never stranded and never a crash (fault 21)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from db.reading import state_at
from engine.compatibility import flag_strange_epics, strange_epics
from engine.engine import Engine
from epics.errors import EpicStrange
from epics.upgrades import THIS_RELEASE, Release
from tests.integration.durability.writing import rows

pytestmark = pytest.mark.postgres

GONE = "UPDATE epics SET step = 'polish'"
STATE = f"state {THIS_RELEASE.state}"


def _of(engine: Engine, release: Release) -> Engine:
    """The same engine, as another release."""
    return Engine(replace(engine._installation, release=release))


async def test_a_waiting_epic_at_a_step_that_is_gone_is_flagged_and_waits_again_when_the_step_is_back(begin):
    epic = await begin()
    await epic.engine.advance(epic.id)
    await epic.rows(f"{GONE} WHERE id = %s RETURNING id")

    flagged = await flag_strange_epics(epic.engine._pool)
    again = await flag_strange_epics(epic.engine._pool)
    view = await epic.engine.epic(epic.id)
    listed = await epic.engine.epics(status="paused")

    assert [(each.id, each.step, each.newer) for each in flagged] == [(epic.id, "polish", False)]
    assert again == ()
    assert (view.status, view.step, listed.items) == ("paused", "polish", (view,))
    assert view.problem == (
        f"epic {epic.id} is at step polish, which this Genie does not know (graph 1): finish it with the Genie that began it, update, "
        "or cancel it"
    )
    assert (await epic.engine.resume(epic.id, by="ann")).status == "waiting"
    assert (await epic.engine.advance(epic.id)).status == "paused"
    await epic.rows("UPDATE epics SET step = 'plan_gate' WHERE id = %s RETURNING id")
    assert (await epic.engine.resume(epic.id, by="ann")).status == "waiting"
    await epic.decide("approve")
    assert (await epic.engine.advance(epic.id)).step == "merge_gate"


async def test_an_epic_at_a_step_that_is_gone_can_be_cancelled(begin):
    epic = await begin()
    await epic.engine.advance(epic.id)
    await epic.rows(f"{GONE} WHERE id = %s RETURNING id")
    await flag_strange_epics(epic.engine._pool)

    view = await epic.engine.cancel(epic.id, by="ann", reason="too old")

    assert (view.status, view.problem, view.waiting_on) == ("cancelled", None, None)
    assert await epic.engine.approvals(status="pending") == ()
    (ended,) = [event for event in await epic.engine.events(epic.id) if event.type == "epic_ended"]
    assert ended.data == {"status": "cancelled", "why": "cancelled by ann: too old"}


async def test_an_epic_of_a_newer_release_is_left_to_it(begin):
    epic = await begin()
    await epic.rows("UPDATE epics SET graph_version = 2, step = 'polish' WHERE id = %s RETURNING id")

    with pytest.raises(EpicStrange, match=rf"carried on by a newer Genie \(graph 2, {STATE}; this one has graph 1, {STATE}\)"):
        await epic.engine.advance(epic.id)

    assert await flag_strange_epics(epic.engine._pool) == ()
    assert (await epic.engine.epic(epic.id)).status == "queued"
    assert await epic.rows("SELECT thread_id FROM leases WHERE thread_id = %s") == []
    assert [each.newer for each in await strange_epics(epic.engine._pool)] == [True]


async def test_an_epic_that_is_too_old_is_flagged_with_the_cause(begin):
    epic = await begin()
    later = replace(THIS_RELEASE, graph=3, oldest_graph=2)

    view = await _of(epic.engine, later).advance(epic.id)

    assert view.status == "paused"
    oldest = f"state {THIS_RELEASE.oldest_state}"
    assert f"begun by a Genie that is too old for this one (graph 1, {STATE}; this one carries on graph 2 and {oldest} or newer)" in str(
        view.problem
    )
    assert [each.id for each in await flag_strange_epics(epic.engine._pool, later)] == []


@pytest.mark.usefixtures("lease")
async def test_a_worker_flags_nothing_that_another_one_works_on(database, new_epic):
    await rows(database.pool, f"{GONE} RETURNING id")
    idle = await new_epic()
    await rows(database.pool, f"{GONE} RETURNING id")

    assert [each.id for each in await flag_strange_epics(database.pool)] == [idle]
    assert len(await strange_epics(database.pool)) == 2


async def test_the_look_for_strange_epics_uses_its_index(database, new_epic):
    insert = (
        "INSERT INTO epics (id, project_id, goal, repo, base, base_commit, graph_version, status)"
        " SELECT 'e-x' || n, project_id, goal, repo, base, base_commit, 1, 'merged' FROM epics, generate_series(1, 5000) n RETURNING id"
    )
    await new_epic()
    await rows(database.pool, insert)
    async with database.pool.connection() as connection:
        await connection.execute("ANALYZE epics")
        plan = await (
            await connection.execute(
                "EXPLAIN SELECT id FROM epics WHERE status IN ('queued', 'waiting', 'paused') AND (graph_version > 1 OR state_version > 1)"
            )
        ).fetchall()

    assert "epics_unended" in " ".join(row["QUERY PLAN"] for row in plan)


async def test_a_state_that_an_older_release_wrote_is_upgraded_when_it_is_read_and_stored_whole_once(begin):
    epic = await begin()
    await epic.engine.advance(epic.id)
    first = (await epic.engine.moments(epic.id))[0].checkpoint_id
    now = replace(
        THIS_RELEASE,
        state=THIS_RELEASE.state + 1,
        upgrades={**THIS_RELEASE.upgrades, THIS_RELEASE.state: _told_apart},
    )
    engine = _of(epic.engine, now)

    await epic.decide("approve")
    view = await engine.advance(epic.id)

    assert (view.status, view.step) == ("waiting", "merge_gate")
    last = (await epic.engine.moments(epic.id))[-1].checkpoint_id
    assert await _plan_at(epic, last, now) == "A file that greets. (upgraded)"
    assert await _plan_at(epic, first, now) == "A file that greets. (upgraded)"
    assert await _plan_at(epic, first, THIS_RELEASE) == "A file that greets."
    (row,) = await epic.rows("SELECT graph_version, state_version FROM epics WHERE id = %s")
    assert row == {"graph_version": 1, "state_version": now.state}
    upgraded = [event.data["to"] for event in await epic.engine.events(epic.id) if event.type == "epic_upgraded"]
    assert upgraded == [{"graph": 1, "state": now.state}]
    with pytest.raises(EpicStrange, match="newer Genie"):
        await epic.engine.advance(epic.id)
    await epic.decide("approve")
    assert (await engine.advance(epic.id)).status == "merged"


def _told_apart(old):
    """A state of this release as the next one would have it."""
    return {**old, "plan": {**old["plan"], "summary": f"{old['plan']['summary']} (upgraded)"}, "notice": "upgraded"}


async def _plan_at(epic, checkpoint, release):
    """What the plan says in a checkpoint, as a release reads it."""
    plan = (await state_at(epic.engine._pool, epic.id, checkpoint, release)).plan
    return plan.summary if plan else None
