"""Rollbacks of epics that somebody holds: done by whoever holds them, one after the other, or refused with the cause."""

from __future__ import annotations

import asyncio
import time

import pytest

from engine.lease_keeper import hold_epic
from engine.time_machine.commands import apply_commands
from epics.errors import Conflict, MomentNotFound


async def held(epic):
    """Hold an epic as its worker does."""
    installation = epic.engine._installation
    return hold_epic(installation.database, epic.id, seconds=30)


async def until_asked(epic, count):
    async with asyncio.timeout(30):
        while len(await epic.began.rows("SELECT 1 AS one FROM commands WHERE epic_id = %s AND applied_at IS NULL")) < count:
            await asyncio.sleep(0.05)


async def test_rollbacks_that_are_asked_at_once_are_all_done_in_their_order(travel, story):
    epic = await travel(story())
    await epic.go("approve")

    async with await held(epic) as hold:
        first = asyncio.create_task(epic.back(to=2))
        await until_asked(epic, 1)
        second = asyncio.create_task(epic.back(to=4))
        await until_asked(epic, 2)
        assert await apply_commands(epic.engine._installation, hold.lease)
    done = await asyncio.gather(first, second)

    assert [each.done for each in done] == ["done", "done"]
    rollbacks = await epic.began.rows("SELECT to_moment FROM rollbacks WHERE epic_id = %s ORDER BY moment")
    assert [row["to_moment"] for row in rollbacks] == [2, 4]
    # Told when they were asked for, and not again by whoever did them.
    told = await epic.began.rows("SELECT answer, data ->> 'to' AS to FROM audit WHERE deed = 'rollback' AND epic = %s ORDER BY n")
    assert [(row["answer"], row["to"]) for row in told] == [("asked", "2"), ("asked", "4")]


async def test_what_was_asked_of_a_worker_that_died_is_done_before_what_is_asked_now(travel, story):
    epic = await travel(story())
    await epic.go("approve")
    async with await held(epic):
        asked = asyncio.create_task(epic.back(to=2))
        await until_asked(epic, 1)
        asked.cancel()
        await asyncio.wait({asked})

    await epic.back(to=4)

    rollbacks = await epic.began.rows("SELECT to_moment FROM rollbacks WHERE epic_id = %s ORDER BY moment")
    assert [row["to_moment"] for row in rollbacks] == [2, 4]


async def test_an_order_that_cannot_be_carried_out_is_refused_and_the_next_is_done(travel, story):
    epic = await travel(story())
    await epic.go("approve")

    async with await held(epic) as hold:
        undo = asyncio.create_task(epic.back(undo=True))
        with pytest.raises(Conflict, match="never rolled back"):
            await undo
        await epic.began.rows(
            "INSERT INTO commands (epic_id, kind, data) VALUES (%s, 'rollback',"
            """ '{"by": "eve", "undo": false, "level": "full", "to": 99, "guidance": ""}') RETURNING id"""
        )
        good = asyncio.create_task(epic.back(to=2))
        await until_asked(epic, 2)
        assert await apply_commands(epic.engine._installation, hold.lease)
    await good

    (refused,) = await epic.began.rows("SELECT problem FROM commands WHERE epic_id = %s AND problem IS NOT NULL")
    assert "no moment 99" in refused["problem"]
    (told,) = [event for event in await epic.engine.events(epic.id) if event.type == "rollback_refused"]
    assert told.data["by"] == "eve"


async def test_a_running_epic_is_stopped_at_once_and_a_refused_order_lets_it_go_on(travel, story):
    epic = await travel(story(implement=[{"run": ["sleep 86.4207"]}]))
    await epic.go()
    await epic.began.decide("approve")
    running = asyncio.create_task(epic.engine.advance(epic.id))
    async with asyncio.timeout(30):
        while not sleepers():
            await asyncio.sleep(0.05)

    with pytest.raises(MomentNotFound):
        await epic.back(to=99)
    began = time.monotonic()
    done = await epic.back(to=2)
    took = time.monotonic() - began
    view = await running

    assert (done.done, view.status, view.step) == ("done", "paused", "plan_gate")
    assert not sleepers()
    assert took < 15


async def test_an_epic_that_was_approved_in_advance_is_so_after_a_rollback(travel, story):
    fails = {"workflow": "implement", "when_tree_lacks": {"genie.toml": "mended"}, "turns": [{"fail": "turns"}]}
    epic = await travel(story(fails), auto_approve=True, autonomy="ask")
    assert (await epic.go()).step == "failure_gate"

    assert (await epic.back(to=2)).epic.status == "paused"

    assert (await epic.resume()).step == "failure_gate"


async def test_a_yes_in_advance_is_none_to_taking_back_what_was_merged(travel, story):
    epic = await travel(story(), auto_approve=True)
    assert (await epic.go()).status == "merged"

    await epic.back(to=0)

    view = await epic.resume()
    assert (view.status, view.step) == ("waiting", "merge_gate")


def sleepers():
    """The processes of the agent's command."""
    from pathlib import Path

    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", b"86.4207"]:
            found.append(place)
    return found
