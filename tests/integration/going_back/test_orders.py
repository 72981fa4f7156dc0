"""Cancels and rollbacks that meet: they count in the order in which they were asked for."""

from __future__ import annotations

import asyncio

from engine.lease_keeper import hold_epic
from engine.time_machine.orders import GoBack
from engine.time_machine.rollback import roll_back

OTHERS = (
    "INSERT INTO commands (epic_id, kind, data) VALUES (%s, 'rollback',"
    """ '{"by": "eve", "undo": false, "level": "full", "to": 2, "guidance": "", "of_a_newer_release": 1}') RETURNING id"""
)


def held(epic):
    """Hold an epic as its worker does."""
    return hold_epic(epic.engine._installation.database, epic.id, seconds=30)


async def ask_to_go_back(epic, to):
    """Leave a rollback for whoever holds the epic."""
    view = await roll_back(epic.engine._installation, epic.id, GoBack(by="ann", to=to), wait_s=0)
    assert view.done == "asked"


async def test_a_cancel_that_a_dead_worker_did_not_come_to_is_taken_back_by_a_later_rollback(travel, story):
    epic = await travel(story())
    await epic.go("approve")
    async with held(epic):
        await epic.engine.cancel(epic.id, by="eve")

    await epic.back(to=2)

    view = await epic.engine.advance(epic.id)
    assert (view.status, view.step) == ("paused", "plan_gate")


async def test_a_cancel_ends_what_an_earlier_rollback_would_have_gone_on_with(travel, story):
    epic = await travel(story())
    await epic.go("approve")
    async with held(epic):
        await ask_to_go_back(epic, 2)

    assert (await epic.engine.cancel(epic.id, by="eve")).status == "cancelled"

    assert (await epic.engine.advance(epic.id)).status == "cancelled"


async def test_an_order_that_nobody_foresaw_is_refused_and_strands_nothing(travel, story):
    epic = await travel(story())
    await epic.go("approve")
    async with held(epic):
        await epic.began.rows(OTHERS)

    async with asyncio.timeout(60):
        await epic.engine.advance(epic.id)

    (refused,) = await epic.began.rows("SELECT problem, applied_at FROM commands WHERE epic_id = %s")
    assert refused["applied_at"] is not None
    assert "of_a_newer_release" in refused["problem"]
