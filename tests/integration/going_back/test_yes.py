"""Epics that were approved in advance, and whose gates were approved so before: a worker goes on with them by itself."""

from __future__ import annotations


async def is_runnable(epic):
    return bool(await epic.began.rows("SELECT id FROM runnable_epics WHERE id = %s"))


async def test_a_gate_that_was_approved_in_advance_is_so_again_after_going_back(travel, story):
    fails = {"workflow": "implement", "when_tree_lacks": {"genie.toml": "mended"}, "turns": [{"fail": "turns"}]}
    epic = await travel(story(fails), auto_approve=True, autonomy="ask")
    assert (await epic.go()).step == "failure_gate"
    await epic.back(to=2)

    await epic.engine.resume(epic.id, by="ann")

    assert await is_runnable(epic)
    assert (await epic.go()).step == "failure_gate"
    assert not await is_runnable(epic)


async def test_a_fork_that_is_approved_in_advance_does_not_wait_for_what_its_source_approved(travel, story):
    source = await travel(story(), auto_approve=True)
    assert (await source.go()).status == "merged"
    fork = await source.fork((await source.moment_after("merge_gate")).n)

    await fork.engine.resume(fork.id, auto_approve=True, by="ann")

    assert await is_runnable(fork)
    assert (await fork.go()).status == "merged"
